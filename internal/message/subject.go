package message

// BaseSubject returns the base subject of RFC 5256 section 2.1, which threads
// are made of. s is the subject as stored; encoded-words are decoded. The case
// of letters is kept: compare with i;unicode-casemap.
func BaseSubject(s string) string {
	base, _ := ReplySubject(s)
	return base
}

// ReplySubject returns the base subject of s, as BaseSubject does, and whether
// s is the subject of a reply or a forwarded message, which the REFERENCES
// algorithm wants to know (RFC 5256 section 3).
func ReplySubject(s string) (base string, reply bool) {
	s = squeeze(DecodeHeader(s)) // step 1
	for {
		s, reply = cutTrailers(s, reply) // step 2
		s, reply = cutLeaders(s, reply)  // steps 3 to 5
		inner, ok := cutForward(s)       // step 6
		if !ok {
			return s, reply
		}
		s, reply = inner, true
	}
}

// cutTrailers removes every subj-trailer.
func cutTrailers(s string, reply bool) (string, bool) {
	const fwd = "(fwd)"
	for {
		switch {
		case s != "" && isSpace(s[len(s)-1]):
			s = s[:len(s)-1]
		case len(s) >= len(fwd) && equalFold(s[len(s)-len(fwd):], fwd):
			s, reply = s[:len(s)-len(fwd)], true
		default:
			return s, reply
		}
	}
}

// cutLeaders removes every subj-leader, and every subj-blob in front that
// leaves a subject. Blobs that no "re:" follows are looked at once, together:
// nothing else about them changes when the first is removed.
func cutLeaders(s string, reply bool) (string, bool) {
	for {
		for s != "" && isSpace(s[0]) {
			s = s[1:]
		}
		rest, last := s, s
		for {
			next, ok := cutBlob(rest)
			if !ok {
				break
			}
			last, rest = rest, next
		}
		if next, ok := cutRefwd(rest); ok {
			s, reply = next, true
			continue
		}
		if rest == "" {
			return last, reply
		}
		return rest, reply
	}
}

// cutBlob removes a subj-blob: brackets, and the white space behind them.
func cutBlob(s string) (string, bool) {
	if s == "" || s[0] != '[' {
		return s, false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '[':
			return s, false
		case ']':
			for i++; i < len(s) && isSpace(s[i]); i++ {
			}
			return s[i:], true
		}
	}
	return s, false
}

// cutRefwd removes a subj-refwd: "re:", "fw:" or "fwd:", perhaps with a blob
// before the colon.
func cutRefwd(s string) (string, bool) {
	rest := s
	switch {
	case len(s) >= 2 && equalFold(s[:2], "re"):
		rest = s[2:]
	case len(s) >= 3 && equalFold(s[:3], "fwd"):
		rest = s[3:]
	case len(s) >= 2 && equalFold(s[:2], "fw"):
		rest = s[2:]
	default:
		return s, false
	}
	for rest != "" && isSpace(rest[0]) {
		rest = rest[1:]
	}
	rest, _ = cutBlob(rest)
	if rest == "" || rest[0] != ':' {
		return s, false
	}
	return rest[1:], true
}

// cutForward removes subj-fwd-hdr and subj-fwd-trl, "[fwd:" and "]", if both
// are there.
func cutForward(s string) (string, bool) {
	const header = "[fwd:"
	if len(s) <= len(header) || !equalFold(s[:len(header)], header) || s[len(s)-1] != ']' {
		return s, false
	}
	return s[len(header) : len(s)-1], true
}
