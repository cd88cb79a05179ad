package imap

import (
	"fantail/internal/imap/wire"
)

// SortKey is one of the values that SORT compares.
type SortKey uint8

// The sort keys (RFC 5256 section 3, RFC 5957 section 3).
const (
	SortArrival SortKey = iota
	SortCc
	SortDate
	SortFrom
	SortSize
	SortSubject
	SortTo
	SortDisplayFrom
	SortDisplayTo
)

var sortKeys = map[string]SortKey{
	"ARRIVAL":     SortArrival,
	"CC":          SortCc,
	"DATE":        SortDate,
	"DISPLAYFROM": SortDisplayFrom,
	"DISPLAYTO":   SortDisplayTo,
	"FROM":        SortFrom,
	"SIZE":        SortSize,
	"SUBJECT":     SortSubject,
	"TO":          SortTo,
}

// SortCriterion is the rule sort-criterion.
type SortCriterion struct {
	Key     SortKey
	Reverse bool
}

// SortArgs are the arguments of SORT.
type SortArgs struct {
	SearchArgs
	By []SortCriterion
}

// maxSortCriteria is how many criteria one SORT may have: each of them in both
// directions is 18.
const maxSortCriteria = 32

// ScanSort scans the arguments of SORT and UID SORT, and the end of the command
// (RFC 5256 section 5, RFC 5267 section 6). After an error Return is what was read
// of it before.
func ScanSort(s *wire.Scanner) (SortArgs, error) {
	var a SortArgs
	s.SP()
	if s.TryName("RETURN") {
		s.SP()
		a.Return = scanReturn(s)
		s.SP()
	}
	n := s.List(func() { a.By = append(a.By, scanSortCriterion(s)) })
	if n == 0 {
		s.Expected("a sort criterion")
	}
	if n > maxSortCriteria {
		s.Fail(&wire.LimitError{Budget: "number of sort criteria", Limit: maxSortCriteria})
	}
	s.SP()
	scanCharset(s)
	a.Key = scanKeys(s)
	return a, s.Err()
}

func scanSortCriterion(s *wire.Scanner) SortCriterion {
	name := s.Name()
	reverse := name == "REVERSE"
	if reverse {
		s.SP()
		name = s.Name()
	}
	key, ok := sortKeys[name]
	if !ok {
		s.Expected("a sort criterion")
	}
	return SortCriterion{key, reverse}
}
