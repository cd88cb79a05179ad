package fsck

// Kind is what is wrong; the package comment has the table.
type Kind string

// The kinds, as scripts see them.
const (
	Directory    Kind = "directory"
	Mode         Kind = "mode"
	Owner        Kind = "owner"
	NotAFile     Kind = "not-a-file"
	Hidden       Kind = "hidden"
	Twice        Kind = "twice"
	Size         Kind = "size"
	Empty        Kind = "empty"
	Tmp          Kind = "tmp"
	Leftover     Kind = "leftover"
	Lock         Kind = "lock"
	UIDList      Kind = "uidlist"
	UIDNext      Kind = "uidnext"
	Keywords     Kind = "keywords"
	Index        Kind = "index"
	Text         Kind = "text"
	Quota        Kind = "quota"
	Subscription Kind = "subscription"
	Folder       Kind = "folder"
	Unexamined   Kind = "unexamined"
)

// State is what became of a finding.
type State string

// The states.
const (
	Mended State = "mended"
	Found  State = "found" // it would be mended without DryRun
	Left   State = "left"  // it cannot be mended here
	Note   State = "note"  // it is no error
)

// Finding is one thing that is wrong.
type Finding struct {
	Kind    Kind   `json:"kind"`
	State   State  `json:"state"`
	Mailbox string `json:"mailbox,omitempty"` // "" if it is the account's
	Path    string `json:"path"`              // below the Maildir; "." is that itself
	Problem string `json:"problem"`
	Done    string `json:"done,omitempty"` // what has mended it, or why that was not possible
	Next    string `json:"next,omitempty"` // what an administrator could type
}

// Summary is how much was looked at.
type Summary struct {
	Mailboxes int `json:"mailboxes"`
	Messages  int `json:"messages"`
}
