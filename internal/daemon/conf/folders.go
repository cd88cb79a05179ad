package conf

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Folder is a mailbox that a new account gets.
type Folder struct {
	Use  string // one of FolderUses
	Name string
}

// FolderUses are what a folder can be for: the attributes of RFC 6154 section 2 in
// small letters, without those of mailboxes that show the mail of others.
var FolderUses = []string{"drafts", "sent", "junk", "trash", "archive"}

// Folders are the mailboxes that a new account gets; no two have one use or name.
type Folders []Folder

// ParseFolders reads folders such as "sent=Sent, trash=Trash", or "".
func ParseFolders(text string) (Folders, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var list Folders
	for part := range strings.SplitSeq(text, ",") {
		use, name, ok := strings.Cut(strings.TrimSpace(part), "=")
		f := Folder{strings.TrimSpace(use), strings.TrimSpace(name)}
		switch {
		case !ok || f.Name == "":
			return nil, fmt.Errorf(`%q is no folder such as "sent=Sent"`, strings.TrimSpace(part))
		case !slices.Contains(FolderUses, f.Use):
			return nil, fmt.Errorf("%q is none of %s", f.Use, strings.Join(FolderUses, ", "))
		case !utf8.ValidString(f.Name) || strings.ContainsFunc(f.Name, unicode.IsControl):
			return nil, fmt.Errorf("%q cannot be the name of a folder", f.Name)
		}
		for _, other := range list {
			if other.Use == f.Use || other.Name == f.Name {
				return nil, fmt.Errorf("%q has two folders %q", text, strings.TrimSpace(part))
			}
		}
		list = append(list, f)
	}
	return list, nil
}

// String is the folders as ParseFolders reads them.
func (f Folders) String() string {
	parts := make([]string, len(f))
	for i, folder := range f {
		parts[i] = folder.Use + "=" + folder.Name
	}
	return strings.Join(parts, ", ")
}

// folders is folders in a string.
func folders(field func(*Config) *Folders) kind { return parsed("folders", field, ParseFolders) }
