package autoconfig

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Namespaces of Autodiscover (MS-OXDSCLI).
const (
	spaceResponse = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	spaceError    = spaceResponse
	// SchemaOutlook is that of the answers which there are.
	SchemaOutlook = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

const (
	// MaxRequest is how large a request of Autodiscover may be, in octets.
	MaxRequest = 16 << 10
	// maxDepth and maxTokens bound what is read of one: those of programs have three levels,
	// and some twenty tokens.
	maxDepth  = 8
	maxTokens = 200
)

// Request is what a program asks of Autodiscover.
type Request struct {
	Address Address
	Schema  string // of the answer; "": any
}

// errRequest is the error of a request that is none.
var errRequest = errors.New("no request of Autodiscover")

// ScanRequest reads a request. Only elements and text count: with a DTD it is none, and no
// entities are known but those of XML itself.
func ScanRequest(body []byte) (Request, error) {
	if len(body) > MaxRequest {
		return Request{}, fmt.Errorf("%w: more than %d octets", errRequest, MaxRequest)
	}
	d := xml.NewDecoder(bytes.NewReader(body))
	var path []string
	var address, schema strings.Builder
	for range maxTokens {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return newRequest(address.String(), schema.String())
		}
		if err != nil {
			return Request{}, fmt.Errorf("%w: %w", errRequest, err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return Request{}, fmt.Errorf("%w: it has a DTD", errRequest)
		case xml.StartElement:
			if path = append(path, t.Name.Local); len(path) > maxDepth {
				return Request{}, fmt.Errorf("%w: more than %d levels", errRequest, maxDepth)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			switch strings.Join(path, "/") {
			case "Autodiscover/Request/EMailAddress":
				address.Write(t)
			case "Autodiscover/Request/AcceptableResponseSchema":
				schema.Write(t)
			}
		}
	}
	return Request{}, fmt.Errorf("%w: more than %d tokens", errRequest, maxTokens)
}

func newRequest(address, schema string) (Request, error) {
	a, ok := ParseAddress(address)
	if !ok {
		return Request{}, fmt.Errorf("%w: no address", errRequest)
	}
	return Request{a, strings.TrimSpace(schema)}, nil
}

type autodiscover struct {
	XMLName  xml.Name `xml:"Autodiscover"`
	Space    string   `xml:"xmlns,attr"`
	Response any
}

type outlookResponse struct {
	XMLName   xml.Name          `xml:"Response"`
	Space     string            `xml:"xmlns,attr"`
	Type      string            `xml:"Account>AccountType"`
	Action    string            `xml:"Account>Action"`
	Protocols []outlookProtocol `xml:"Account>Protocol"`
}

type outlookProtocol struct {
	Type       string
	Server     string
	Port       int
	LoginName  string
	Domain     string `xml:"DomainRequired"`
	SPA        string
	SSL        string
	Encryption string
	Auth       string `xml:"AuthRequired"`
}

type outlookError struct {
	XMLName xml.Name `xml:"Response"`
	Error   struct {
		Time    string `xml:"Time,attr"`
		ID      string `xml:"Id,attr"`
		Code    int    `xml:"ErrorCode"`
		Message string
		Debug   string `xml:"DebugData"`
	}
}

// Error codes of MS-OXDSCLI section 2.2.4.1.1.1.3.
const (
	codeInvalid    = 600 // Invalid Request
	codeNoProvider = 601 // of answers in this schema
)

// Autodiscover answers a request, at some time.
func (p Provider) Autodiscover(r Request, now time.Time) ([]byte, error) {
	if r.Schema != "" && r.Schema != SchemaOutlook { // that of ActiveSync, which there is not
		return autodiscoverError(codeNoProvider, "Provider is not available", now)
	}
	response := outlookResponse{Space: SchemaOutlook, Type: "email", Action: "settings"}
	for _, s := range []struct {
		name string
		Service
	}{{"IMAP", p.IMAP}, {"POP3", p.POP3}, {"SMTP", p.Submission}} {
		if !s.Exists() {
			continue
		}
		o := outlookProtocol{
			Type: s.name, Server: s.Host, Port: s.Port, LoginName: p.Login(r.Address),
			Domain: "off", SPA: "off", SSL: "on", Encryption: "SSL", Auth: "on",
		}
		if s.STARTTLS {
			o.Encryption = "TLS"
		}
		response.Protocols = append(response.Protocols, o)
	}
	return document(autodiscover{Space: spaceResponse, Response: response})
}

// AutodiscoverInvalid answers what is no request.
func AutodiscoverInvalid(now time.Time) ([]byte, error) {
	return autodiscoverError(codeInvalid, "Invalid Request", now)
}

func autodiscoverError(code int, message string, now time.Time) ([]byte, error) {
	var e outlookError
	e.Error.Time, e.Error.ID = now.UTC().Format("15:04:05.0000000"), "1"
	e.Error.Code, e.Error.Message = code, message
	return document(autodiscover{Space: spaceError, Response: e})
}

// protocolV1 is the one protocol that Autodiscover's second version leads to.
const protocolV1 = "AutodiscoverV1"

// AutodiscoverJSON answers the question for the address of a protocol, with the status of
// HTTP.
func (p Provider) AutodiscoverJSON(protocol string) (status int, body []byte, err error) {
	if strings.EqualFold(protocol, protocolV1) {
		body, err = encode(struct{ Protocol, Url string }{protocolV1, p.Webmail + PathAutodiscover})
		return 200, body, err
	}
	if len(protocol) > 64 {
		protocol = protocol[:64]
	}
	body, err = encode(struct{ ErrorCode, ErrorMessage string }{
		"InvalidProtocol", fmt.Sprintf("The given protocol value '%s' is invalid. Supported values are '%s'", strings.ToValidUTF8(protocol, "?"), protocolV1),
	})
	return 400, body, err
}

// encode writes JSON, whose octets are the same each time.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := json.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}
