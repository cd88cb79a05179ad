package admin

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"fantail/internal/daemon/conf"
)

// config is the verb config. Secrets are files and not settings, so that everything may
// be shown.
type config struct{ explain, check, json bool }

func (c *config) flags(fs *flag.FlagSet) {
	fs.BoolVar(&c.explain, "d", false, "say what each setting is for")
	fs.BoolVar(&c.check, "n", false, "show nothing, only say what is wrong with the files")
	fs.BoolVar(&c.json, "j", false, "for scripts: a line of JSON for each setting")
}

// setting is one as scripts see it.
type setting struct {
	Name    string `json:"name"`
	Value   string `json:"value"` // as TOML
	Origin  string `json:"origin"`
	Default string `json:"default"`
	Type    string `json:"type"`
	Doc     string `json:"doc"`
}

func (c *config) run(_ context.Context, t *tool, names []string) error {
	for _, name := range names {
		if err := conf.CheckName(name); err != nil {
			return &failure{exitUsage, err, "all of them: fantail config"}
		}
	}
	cfg, err := t.load()
	if err != nil || c.check {
		return err
	}
	table := conf.Settings()
	for i, v := range cfg.Effective() {
		if !wanted(v.Name, names) {
			continue
		}
		s := table[i]
		if c.json {
			if err := t.object(setting{v.Name, v.Value, v.Origin, s.Default, s.Type, s.Doc}); err != nil {
				return err
			}
			continue
		}
		if c.explain {
			t.say("# %s", s.Doc)
		}
		line := fmt.Sprintf("%s = %s", v.Name, v.Value)
		t.say("%-40s  # %s", line, v.Origin)
		if c.explain {
			t.say("# %s; the default is %s\n", s.Type, s.Default)
		}
	}
	return nil
}

// wanted reports whether a setting is among names, or in a table that is, or there are
// none.
func wanted(setting string, names []string) bool {
	for _, name := range names {
		if setting == name || strings.HasPrefix(setting, name+".") {
			return true
		}
	}
	return len(names) == 0
}
