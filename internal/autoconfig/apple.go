package autoconfig

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoProfile says that there is nothing that Apple's Mail could be set up with: it wants
// a server for mail that comes and one for mail that goes.
var ErrNoProfile = errors.New("no servers for a profile")

// plist is a dictionary of a property list, in order.
type plist []struct {
	key   string
	value any // string, int, bool, plist or []plist
}

// Profile returns a configuration profile for Apple's Mail. Of what is not known, such as
// the address if it is none, the device asks its owner; and in any case for the password.
//
// It is the same each time, so that installing it again replaces it. It is not signed:
// the key of the server's certificate would sign what strangers have written.
func (p Provider) Profile(a Address) ([]byte, error) {
	kind, incoming := "EmailTypeIMAP", p.IMAP
	if !incoming.Exists() {
		kind, incoming = "EmailTypePOP", p.POP3
	}
	if !incoming.Exists() || !p.Submission.Exists() {
		return nil, ErrNoProfile
	}
	account := plist{
		{"EmailAccountType", kind},
		{"EmailAccountDescription", p.Name},
		{"IncomingMailServerHostName", incoming.Host},
		{"IncomingMailServerPortNumber", incoming.Port},
		{"IncomingMailServerUseSSL", true}, // STARTTLS on the ports for that
		{"IncomingMailServerAuthentication", "EmailAuthPassword"},
		{"OutgoingMailServerHostName", p.Submission.Host},
		{"OutgoingMailServerPortNumber", p.Submission.Port},
		{"OutgoingMailServerUseSSL", true},
		{"OutgoingMailServerAuthentication", "EmailAuthPassword"},
		{"OutgoingPasswordSameAsIncomingPassword", true},
	}
	if a != (Address{}) {
		account = append(account, plist{
			{"EmailAddress", a.String()},
			{"IncomingMailServerUsername", p.Login(a)},
			{"OutgoingMailServerUsername", p.Login(a)},
		}...)
	}
	title := p.Name
	if a != (Address{}) {
		title += ": " + a.local + "@" + Unicode(a.domain)
	}
	account = append(account, p.payload("com.apple.mail.managed", "account", title, a)...)
	profile := p.payload("Configuration", "profile", title, a)
	profile = append(profile, plist{
		{"PayloadOrganization", p.Name},
		{"PayloadDescription", "Sets up Mail for this account. It has no password in it: you are asked for yours."},
		{"PayloadContent", []plist{account}},
	}...)
	return profile.document()
}

// payload is what every payload of a profile has.
func (p Provider) payload(kind, part, title string, a Address) plist {
	id := p.uuid(part, a)
	labels := strings.Split(p.Host, ".")
	slices.Reverse(labels)
	return plist{
		{"PayloadType", kind},
		{"PayloadVersion", 1},
		{"PayloadIdentifier", strings.Join(labels, ".") + ".mail." + id},
		{"PayloadUUID", id},
		{"PayloadDisplayName", title},
	}
}

// uuid is that of a part of the profile of an address (RFC 9562 section 5.8).
func (p Provider) uuid(part string, a Address) string {
	sum := sha256.Sum256([]byte(p.Host + "\x00" + part + "\x00" + a.String()))
	sum[6], sum[8] = sum[6]&0x0F|0x80, sum[8]&0x3F|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

const plistHead = xml.Header + `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`

// document writes the property list that is this dictionary.
func (d plist) document() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(plistHead)
	if err := d.write(&b); err != nil {
		return nil, err
	}
	b.WriteString("</plist>\n")
	return b.Bytes(), nil
}

func (d plist) write(b *bytes.Buffer) error {
	b.WriteString("<dict>\n")
	for _, row := range d {
		fmt.Fprintf(b, "<key>%s</key>", row.key)
		switch v := row.value.(type) {
		case string:
			b.WriteString("<string>")
			if err := xml.EscapeText(b, []byte(v)); err != nil {
				return err
			}
			b.WriteString("</string>\n")
		case int:
			fmt.Fprintf(b, "<integer>%d</integer>\n", v)
		case bool:
			fmt.Fprintf(b, "<%t/>\n", v)
		case []plist:
			b.WriteString("<array>\n")
			for _, one := range v {
				if err := one.write(b); err != nil {
					return err
				}
			}
			b.WriteString("</array>\n")
		default:
			panic(fmt.Sprintf("autoconfig: %T in a property list", v))
		}
	}
	b.WriteString("</dict>\n")
	return nil
}
