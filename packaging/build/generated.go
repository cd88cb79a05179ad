package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fantail/internal/admin"
	"fantail/internal/daemon/conf"
)

// generate writes the files that are made of tables and modules into the output
// directory. They are made anew for each installation, and in no repository.
func (j *job) generate() error {
	units, err := readUnits(filepath.Join(j.root, "packaging/systemd"))
	if err != nil {
		return err
	}
	copyright, err := copyright(j.root)
	if err != nil {
		return fmt.Errorf("collect licences: %w", err)
	}
	verbs := admin.Verbs()
	for name, text := range map[string]string{
		"fantail.bash":      bash(verbs),
		"_fantail":          zsh(verbs),
		"fantail.fish":      fish(verbs),
		"50-fantail.preset": "# What runs once it is installed, where presets decide that.\n" + units.preset(),
		"fantail.toml":      settings(conf.Settings()),
		"copyright":         copyright,
	} {
		if err := os.WriteFile(filepath.Join(j.out, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// settings is a configuration in which every setting stands with its default, as a
// comment.
func settings(table []conf.Setting) string {
	var b strings.Builder
	b.WriteString(`# Fantail's configuration: fantail.toml(5). Every setting is here with its default, which
# holds until the "#" in front of it is taken away. "fantail config -n" says what is
# wrong with this file, "fantail config" what holds, "fantail doctor" what to do.
`)
	group := ""
	for _, s := range table {
		if name, _, _ := strings.Cut(s.Name, "."); name != group {
			group = name
			fmt.Fprintf(&b, "\n%s\n", strings.Repeat("#", 88))
		}
		b.WriteString("\n" + wrap(s.Doc, "# ", 88))
		fmt.Fprintf(&b, "#%s = %s\n", s.Name, s.Default)
	}
	return b.String()
}

// wrap breaks text into lines of at most a width, of which each begins with a prefix.
func wrap(text, prefix string, width int) string {
	var b strings.Builder
	line := prefix
	for _, word := range strings.Fields(text) {
		if len(line)+len(word) > width && line != prefix {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = prefix
		}
		line += word + " "
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
	return b.String()
}
