package loglines

import (
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf8"
)

// record is a line of slog.TextHandler.
type record struct {
	level   slog.Level
	message string
}

// parse reads one, and appends its attributes to attrs: at most as many as there is room
// for. ok is false if the line is none, as a whole.
func parse(line string, attrs []slog.Attr) (r record, _ []slog.Attr, ok bool) {
	if !utf8.ValidString(line) {
		return r, nil, false
	}
	var level, message bool
	for line != "" {
		var key, value string
		if key, value, line, ok = pair(line); !ok {
			return r, nil, false
		}
		switch {
		case key == slog.TimeKey && !level:
		case key == slog.LevelKey && !level && !message:
			level = r.level.UnmarshalText([]byte(value)) == nil
			if !level {
				return r, nil, false
			}
		case key == slog.MessageKey && level && !message:
			message = true
			r.message = value
		case !message || len(attrs) == cap(attrs):
			return r, nil, false
		default:
			attrs = append(attrs, slog.String(key, value))
		}
	}
	return r, attrs, message
}

// pair takes a key and its value from the beginning of a line.
func pair(line string) (key, value, rest string, ok bool) {
	key, rest, ok = strings.Cut(line, "=")
	if !ok || key == "" || strings.ContainsAny(key, " \"") {
		return "", "", "", false
	}
	if strings.HasPrefix(rest, `"`) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return "", "", "", false
		}
		rest = rest[len(quoted):]
		if value, err = strconv.Unquote(quoted); err != nil {
			return "", "", "", false
		}
		if rest == "" {
			return key, value, "", true
		}
		rest, ok = strings.CutPrefix(rest, " ")
		return key, value, rest, ok && rest != ""
	}
	value, rest, more := strings.Cut(rest, " ")
	return key, value, rest, !strings.Contains(value, `"`) && (!more || rest != "")
}
