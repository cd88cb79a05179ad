// Package maildir is one Maildir on disk: names, delivery, listing, changes of
// flags, and the tree of Maildir++ folders.
package maildir
