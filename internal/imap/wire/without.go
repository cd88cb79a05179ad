package wire

import (
	"slices"
	"strings"
)

// Without returns the capabilities that are not there if the named ones are turned
// off: these, and those that cannot be without one of them. Names are compared in
// any case, and are in upper case in the result.
func Without(names ...string) map[string]bool {
	off := make(map[string]bool)
	var add func(name string)
	add = func(name string) {
		name = strings.ToUpper(name)
		if name == "" || off[name] {
			return
		}
		off[name] = true
		for other, needs := range needsOf {
			if slices.Contains(needs, name) {
				add(other)
			}
		}
	}
	for _, name := range names {
		add(name)
	}
	return off
}

// needsOf says of capabilities which others they cannot be without.
var needsOf = map[string][]string{
	// RFC 9051 appendix E: what the second revision took over.
	CapIMAP4rev2: {
		CapBinary, CapChildren, CapEnable, CapESearch, CapIdle, CapListExtended, CapListStatus, CapLiteralPlus,
		CapMove, CapNamespace, CapSASLIR, CapSearchRes, CapSpecialUse, CapStatusSize, CapUIDPlus, CapUnselect,
	},
	CapCreateSpecialUse: {CapSpecialUse},
	CapESort:            {CapSort},
	CapListStatus:       {CapListExtended},
	CapPartial:          {CapESearch},
	CapQResync:          {CapCondStore, CapEnable},
	CapQuotaResMessage:  {CapQuota},
	CapQuotaResStorage:  {CapQuota},
	CapSearchRes:        {CapESearch},
	CapSortDisplay:      {CapSort},
	CapUTF8Accept:       {CapEnable},
}
