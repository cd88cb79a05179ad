package factor

// legacyMagic begins files of when an authenticator app was the only second factor: the
// fields of the app are the second line, and each further one is a recovery code.
const legacyMagic = "fantail-totp 1 "

// legacyLine is line for them.
func (f *file) legacyLine(i int, fields []string) bool {
	if i == 0 {
		return f.readApp(fields)
	}
	return len(fields) == 1 && f.readRecovery(fields[0])
}
