package conf

import (
	"fmt"
	"strings"
)

// unknown is the error for a name that no setting has. It names the nearest
// setting or table if one is near enough to be meant.
func unknown(name string) error {
	const most = 64 // compare no further: names in the table are shorter
	best, distance := "", len(name)
	if len(name) <= most {
		for _, candidate := range candidates() {
			if d := edits(name, candidate); d < distance {
				best, distance = candidate, d
			}
		}
	} else {
		name = name[:most] + "…"
	}
	if best == "" || distance > (len(best)+1)/2 {
		return fmt.Errorf("unknown setting %q", name)
	}
	return fmt.Errorf("unknown setting %q; did you mean %q?", name, best)
}

// candidates are all names of settings, then of tables.
func candidates() []string {
	var names, tables []string
	for _, r := range settings {
		names = append(names, r.name)
		table, _, _ := strings.Cut(r.name, ".")
		tables = append(tables, table)
	}
	return append(names, tables...)
}

// edits is the number of octets to insert, delete or replace between a and b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// CheckName reports whether there is a setting or a table of settings of that name. The
// error names the nearest one.
func CheckName(name string) error {
	if _, ok := find(name); ok || isTable(name) {
		return nil
	}
	return unknown(name)
}
