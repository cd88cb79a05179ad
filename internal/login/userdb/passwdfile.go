package userdb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"fantail/internal/daemon/conf"
)

// maxLine is the longest line of a passwd-file that is understood, in octets.
const maxLine = 16 << 10

// maxWithout is the longest list of capabilities of one account, in octets.
const maxWithout = 512

// parsed is the content of a passwd-file.
type parsed struct {
	records map[string]Record
	names   []string
}

// parse reads a passwd-file:
//
//	user:password:uid:gid:gecos:home:shell:extra fields
//
// Every field but the first may be missing. Lines that are empty or begin with
// "#" are comments. problem is told what is wrong with a line, in words that
// hold nothing of the password; the error is of reading only.
func parse(r io.Reader, problem func(line int, err error)) (parsed, error) {
	p := parsed{records: make(map[string]Record)}
	lines := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, tooLong, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return parsed{}, err
		}
		switch text := strings.TrimSuffix(string(line), "\r"); {
		case tooLong:
			problem(n, fmt.Errorf("longer than %d octets", maxLine))
		case text == "" || text[0] == '#':
		default:
			if err := p.add(text); err != nil {
				problem(n, err)
			}
		}
	}
}

// readLine returns the next line without LF, or the fact that it was too long.
// The last line may have no LF.
func readLine(r *bufio.Reader) (line []byte, tooLong bool, err error) {
	line, err = r.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		tooLong = true
		_, err = r.ReadSlice('\n')
	}
	switch {
	case err == nil && tooLong:
		return nil, true, nil
	case err == nil:
		return line[:len(line)-1], false, nil
	case errors.Is(err, io.EOF) && (len(line) > 0 || tooLong):
		return line, tooLong, nil
	}
	return nil, false, err
}

// add takes one line. An error that is returned may also make the account
// unusable; it is then kept in its record.
func (p *parsed) add(text string) error {
	fields := strings.SplitN(text, ":", 8)
	field := func(i int) string {
		if i < len(fields) {
			return fields[i]
		}
		return ""
	}
	name := field(0)
	if err := CheckName(name); err != nil {
		return err
	}
	if _, ok := p.records[name]; ok {
		return fmt.Errorf("account %s exists already, the first line counts", name)
	}
	r := Record{User: User{Name: name, Home: field(5)}, Password: Secret(field(1))}
	var uid, gid error
	r.UID, uid = id("uid", field(2))
	r.GID, gid = id("gid", field(3))
	r.broken = errors.Join(uid, gid)
	if r.Home != "" && !filepath.IsAbs(r.Home) {
		r.broken = errors.Join(r.broken, errors.New("home is not an absolute path"))
	}
	for _, extra := range strings.Fields(field(7)) {
		r.extra(extra)
	}
	p.records[name] = r
	p.names = append(p.names, name)
	if err := errors.Join(r.broken, r.Refused); err != nil {
		return fmt.Errorf("account %s: %w", name, err)
	}
	return nil
}

// id is a uid or gid.
func id(what, text string) (int, error) {
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return -1, fmt.Errorf("%s is not a number", what)
	}
	return int(n), nil
}

// extra takes one extra field, name=value or name. Those whose name begins
// with userdb_ describe the account: what is not known of them is about
// features of another server. All others restrict or redirect logins, so an
// unknown one refuses them.
func (r *Record) extra(text string) {
	name, value, _ := strings.Cut(text, "=")
	switch {
	case name == "userdb_mail":
		location, ok := strings.CutPrefix(value, "maildir:")
		if !ok {
			r.broken = errors.Join(r.broken, errors.New("userdb_mail is not a maildir: location"))
			return
		}
		r.mail(location)
	case name == "userdb_mail_path":
		r.mail(value)
	case name == "userdb_imap_without":
		r.imapWithout(value)
	case name == "userdb_pop3_expire":
		if _, err := conf.ParseDays(value); err != nil {
			r.broken = errors.Join(r.broken, fmt.Errorf("userdb_pop3_expire: %w", err))
			return
		}
		r.POP3Expire = value
	case name == "userdb_quota", name == "userdb_quota_rule":
		r.quota(name, value)
	case name == "nodelay", strings.HasPrefix(name, "userdb_"):
	default:
		r.Refused = errors.Join(r.Refused, fmt.Errorf("extra field %q is not supported", name))
	}
}

// imapWithout sets the capabilities that are turned off.
func (r *Record) imapWithout(list string) {
	for name := range strings.SplitSeq(list, ",") {
		if err := conf.CheckCapability(name); err != nil {
			r.broken = errors.Join(r.broken, fmt.Errorf("userdb_imap_without: %w", err))
			return
		}
	}
	if len(list) > maxWithout {
		r.broken = errors.Join(r.broken, fmt.Errorf("userdb_imap_without is longer than %d octets", maxWithout))
		return
	}
	r.IMAPWithout = list
}

// quota sets the limits. Rules of Dovecot can be for one mailbox; these are about a feature
// of another server.
func (r *Record) quota(field, value string) {
	if field == "userdb_quota_rule" && value != "" && !strings.HasPrefix(value, "*:") {
		return
	}
	own, err := conf.ParseAccountQuota(value)
	if err == nil && own != "" && r.Quota != "" {
		err = errors.New("the account has limits already")
	}
	if err != nil {
		r.broken = errors.Join(r.broken, fmt.Errorf("%s: %w", field, err))
		return
	}
	if own != "" {
		r.Quota = own
	}
}

// mail sets the Maildir. A location may go on with ":" and options, of which
// none is known.
func (r *Record) mail(location string) {
	path, options, more := strings.Cut(location, ":")
	if rest, tilde := strings.CutPrefix(path, "~/"); tilde && r.Home != "" {
		path = filepath.Join(r.Home, rest)
	}
	switch {
	case more && options != "":
		r.broken = errors.Join(r.broken, errors.New("userdb_mail has options"))
	case !filepath.IsAbs(path) || strings.ContainsRune(path, '%'):
		r.broken = errors.Join(r.broken, errors.New("userdb_mail is not an absolute path"))
	default:
		r.Mail = filepath.Clean(path)
	}
}
