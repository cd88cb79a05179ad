package metrics

// TLSVersion is the value of the label for a version of TLS, as package crypto/tls has it.
func TLSVersion(v uint16) string {
	switch v {
	case 0x0303:
		return "1.2"
	case 0x0304:
		return "1.3"
	}
	return "other"
}

// Status is the value of the label for a status of HTTP.
func Status(code int) string {
	classes := [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}
	return classes[min(max(code/100, 1), 5)-1]
}
