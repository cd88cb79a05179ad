package main

import (
	"fmt"
	"slices"
	"strings"

	"fantail/internal/admin"
)

// What shells complete is the table of verbs: the verbs, their options, and of arguments
// those whose kind says what they can be. Accounts are those of the passwd-file, which
// whoever may not read it is not offered.

// everywhere are the options of every verb.
var everywhere = []string{"c file"}

// sources are the commands that list what an argument can be, by its name.
var sources = map[string]string{
	"name":    `fantail user list -j 2>/dev/null | sed -n 's/.*"name":"\([^"]*\)".*/\1/p'`,
	"setting": `fantail config 2>/dev/null | sed -n 's/ *=.*//p'`,
}

// paths are the names of arguments that are files or directories.
var paths = []string{"file", "directory"}

// option is a row's option: its name, with the dash, and what it takes.
func option(text string) (name, takes string) {
	name, takes, _ = strings.Cut(text, " ")
	return "-" + name, takes
}

// kind is what the first argument of a verb is.
func kind(v admin.Verb) string {
	first, _, _ := strings.Cut(v.Arguments, " ")
	return strings.Trim(first, "[]")
}

// verbsBy are the verbs of which the first argument is of a kind.
func verbsBy(verbs []admin.Verb, want string) []string {
	var names []string
	for _, v := range verbs {
		if kind(v) == want {
			names = append(names, v.Name)
		}
	}
	return names
}

// words are the first words of verbs, and what can follow each.
func words(verbs []admin.Verb) (first []string, then map[string][]string) {
	then = make(map[string][]string)
	for _, v := range verbs {
		a, b, two := strings.Cut(v.Name, " ")
		if !slices.Contains(first, a) {
			first = append(first, a)
		}
		if two {
			then[a] = append(then[a], b)
		}
	}
	return first, then
}

// options are the names of a verb's options.
func options(v admin.Verb) string {
	var names []string
	for _, text := range append(slices.Clone(v.Options), everywhere...) {
		name, _ := option(text)
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func bash(verbs []admin.Verb) string {
	first, then := words(verbs)
	var b strings.Builder
	b.WriteString(`# Completion of fantail(8) for bash.
_fantail() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb= i
	local words=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c) ((i++)) ;;
		-*) ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	if [[ $prev == -c || $prev == -S ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi
	case "${words[0]} ${words[1]}" in
`)
	for _, v := range verbs {
		pattern := fmt.Sprintf("%q", v.Name)
		if !strings.Contains(v.Name, " ") {
			pattern = fmt.Sprintf("%q*", v.Name+" ")
		}
		fmt.Fprintf(&b, "	%s) verb=%q ;;\n", pattern, v.Name)
	}
	b.WriteString("	esac\n	local list=\n	if [[ $cur == -* ]]; then\n		case $verb in\n")
	for _, v := range verbs {
		fmt.Fprintf(&b, "		%q) list=%q ;;\n", v.Name, options(v))
	}
	fmt.Fprintf(&b, "		*) list=\"-c -v\" ;;\n		esac\n	elif [[ -z $verb ]]; then\n		case ${words[0]} in\n		\"\") list=%q ;;\n", strings.Join(first, " "))
	for _, a := range first {
		if then[a] != nil {
			fmt.Fprintf(&b, "		%s) list=%q ;;\n", a, strings.Join(then[a], " "))
		}
	}
	b.WriteString("		esac\n	else\n		case $verb in\n")
	for _, want := range []string{"name", "setting"} {
		fmt.Fprintf(&b, "		\"%s\") list=$(%s) ;;\n", strings.Join(verbsBy(verbs, want), `"|"`), sources[want])
	}
	fmt.Fprintf(&b, "		help) list=%q ;;\n", strings.Join(first, " "))
	b.WriteString("		esac\n	fi\n	mapfile -t COMPREPLY < <(compgen -W \"$list\" -- \"$cur\")\n}\ncomplete -F _fantail fantail\n")
	return b.String()
}

// single is text in single quotes.
func single(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

func zsh(verbs []admin.Verb) string {
	first, then := words(verbs)
	var b strings.Builder
	b.WriteString("#compdef fantail\n# Completion of fantail(8) for zsh.\n\n")
	for _, want := range []string{"name", "setting"} {
		fmt.Fprintf(&b, "_fantail_%s() {\n	local -a list\n	list=(${(f)\"$(%s)\"})\n	compadd -a list\n}\n\n", want, sources[want])
	}
	b.WriteString(`_fantail() {
	local context state state_descr line
	typeset -A opt_args
	_arguments -C '-v[print the version and exit]' '-c[configuration]:file:_files' '1: :->verb' '*:: :->rest'
	case $state in
	verb)
		local -a verbs
		verbs=(
`)
	docs := make(map[string]string)
	for _, v := range verbs {
		docs[v.Name] = v.Doc
	}
	for _, a := range first {
		doc := docs[a]
		if doc == "" {
			doc = strings.Join(then[a], ", ")
		}
		fmt.Fprintf(&b, "			%s\n", single(a+":"+doc))
	}
	b.WriteString("		)\n		_describe verb verbs\n		;;\n	rest)\n		case $words[1] in\n")
	for _, a := range first {
		fmt.Fprintf(&b, "		%s)\n", a)
		if then[a] == nil {
			i := slices.IndexFunc(verbs, func(v admin.Verb) bool { return v.Name == a })
			fmt.Fprintf(&b, "			%s\n", zshArguments(verbs[i]))
		} else {
			fmt.Fprintf(&b, "			if ((CURRENT == 2)); then\n				local -a second\n				second=(")
			for _, c := range then[a] {
				fmt.Fprintf(&b, " %s", single(c+":"+docs[a+" "+c]))
			}
			b.WriteString(" )\n				_describe verb second\n				return\n			fi\n			shift words; ((CURRENT--))\n			case $words[1] in\n")
			for _, v := range verbs {
				if c, ok := strings.CutPrefix(v.Name, a+" "); ok {
					fmt.Fprintf(&b, "			%s) %s ;;\n", c, zshArguments(v))
				}
			}
			b.WriteString("			esac\n")
		}
		b.WriteString("			;;\n")
	}
	b.WriteString("		esac\n		;;\n	esac\n}\n\n_fantail \"$@\"\n")
	return b.String()
}

// zshArguments is the call of _arguments for a verb.
func zshArguments(v admin.Verb) string {
	line := "_arguments"
	for _, text := range append(slices.Clone(v.Options), everywhere...) {
		name, takes := option(text)
		switch {
		case takes == "":
			line += " " + name
		case slices.Contains(paths, takes):
			line += fmt.Sprintf(" '%s:%s:_files'", name, takes)
		default:
			line += fmt.Sprintf(" '%s:%s: '", name, takes)
		}
	}
	if k := kind(v); sources[k] != "" {
		line += fmt.Sprintf(" '*: :_fantail_%s'", k)
	}
	return line
}

func fish(verbs []admin.Verb) string {
	first, then := words(verbs)
	var b strings.Builder
	b.WriteString(`# Completion of fantail(8) for fish.
complete -c fantail -f
complete -c fantail -s c -r -F -d configuration
complete -c fantail -n __fish_use_subcommand -s v -d 'print the version and exit'
`)
	docs := make(map[string]string)
	for _, v := range verbs {
		docs[v.Name] = v.Doc
	}
	for _, a := range first {
		doc := docs[a]
		if doc == "" {
			doc = strings.Join(then[a], ", ")
		}
		fmt.Fprintf(&b, "complete -c fantail -n __fish_use_subcommand -a %s -d %s\n", a, fishQuote(doc))
		for _, c := range then[a] {
			fmt.Fprintf(&b, "complete -c fantail -n '__fish_seen_subcommand_from %s; and not __fish_seen_subcommand_from %s' -a %s -d %s\n",
				a, strings.Join(then[a], " "), c, fishQuote(docs[a+" "+c]))
		}
	}
	for _, v := range verbs {
		seen := "__fish_seen_subcommand_from " + strings.ReplaceAll(v.Name, " ", "; and __fish_seen_subcommand_from ")
		for _, text := range v.Options {
			name, takes := option(text)
			line := fmt.Sprintf("complete -c fantail -n '%s' -o %s", seen, name[1:])
			switch {
			case slices.Contains(paths, takes):
				line += " -r -F"
			case takes != "":
				line += " -x -d " + takes
			}
			b.WriteString(line + "\n")
		}
		if command := sources[kind(v)]; command != "" {
			fmt.Fprintf(&b, "complete -c fantail -n '%s' -a %s\n", seen, fishQuote("("+command+")"))
		}
	}
	return b.String()
}

// fishQuote is text in single quotes, where a backslash is one only before a quote or
// another.
func fishQuote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(text) + "'"
}
