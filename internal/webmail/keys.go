package webmail

// keyGroup is a part of the keyboard map: what the help on keys shows (layout.html). What
// the keys do is web/src/app/keys.js; a test holds that both have the same.
type keyGroup struct {
	Name string // keys.NAME in the catalogue
	Keys []key
}

type key struct {
	Name string // of what it does
	Keys []string
}

var keyMap = []keyGroup{
	{"go", []key{
		{"older", []string{"j", "↓"}}, {"newer", []string{"k", "↑"}}, {"open", []string{"Enter", "o"}}, {"back", []string{"u"}},
		{"part", []string{"n", "p"}}, {"search", []string{"/"}}, {"places", []string{"g", "i"}}, {"places2", []string{"g", "s / d / t / a"}},
	}},
	{"choose", []key{
		{"pick", []string{"x"}}, {"range", []string{"Shift", "J / K"}}, {"all", []string{"*", "a"}}, {"nothing", []string{"*", "n"}},
		{"isRead", []string{"*", "r"}}, {"isUnread", []string{"*", "u"}}, {"isStarred", []string{"*", "s"}},
	}},
	{"do", []key{
		{"archive", []string{"e"}}, {"trash", []string{"#", "Del"}}, {"junk", []string{"!"}}, {"move", []string{"v"}}, {"star", []string{"s"}},
		{"read", []string{"Shift", "I"}}, {"unread", []string{"Shift", "U"}}, {"next", []string{"[", "]"}}, {"undo", []string{"z"}},
	}},
	{"write", []key{
		{"compose", []string{"c"}}, {"reply", []string{"r"}}, {"replyAll", []string{"a"}}, {"forward", []string{"f"}},
		{"help", []string{"?"}}, {"close", []string{"Esc"}},
	}},
}
