// Package witness is the memory and the judge of a storm on a mailbox: many
// processes change and read one Maildir at the same time, each writes down what
// it did and saw, and Judge finds out afterwards whether what the readers were
// told can be true.
//
// # The order of events
//
// Every line has two times of the machine's monotonic clock, which all processes
// share: one from before the deed and one from after it. So nothing is ordered
// that was not ordered: a deed happened somewhere in its span, and the judge
// believes only what follows wherever in it that was. A message is surely there
// from the end of its delivery to the beginning of the first attempt to remove
// it; a flag surely has a value from the end of the change to the beginning of
// the next one. For that each flag has one owner, who alone changes it, on all
// messages.
//
// # The lines of a log
//
// Fields are separated by a space and contain none. The first is the kind, then
// come the two times in nanoseconds. "-" stands for no flags.
//
//	deliver F T base token        a foreign program put a file into new or cur
//	append  F T uid token         a store's user appended a message
//	copy    F T uid token         a store's user copied one: it has the flags of its source
//	unlink  F T base              a foreign program removed the file
//	expunge F T uid base          a store's user expunged the message
//	attempt F T uid base          one tried to, and may have
//	rename  F T base flag on      a foreign program set (1) or cleared (0) its flag
//	store   F T uid flag on       a store's user did
//	take    F T base              a foreign program moved the file from new to cur
//	back    F T base              and this one from cur to new
//	claim   F T uid               ClaimRecent gave the message to this process
//	content F T uid token         the message was opened and is this one
//	missing F T uid               an operation said that the message was expunged
//	unsure  F T uid flag          a change of this flag failed, so nobody knows how it is
//	failed F T op             an operation failed that may have been visible for a moment
//	busy    F T op                an operation failed because the storm left it no moment
//	trouble F T text              an operation failed in a way that it should not
//	sync    F T validity next     a snapshot, as its difference from the one before:
//	+ uid base flags              - in it now
//	~ uid flags                   - in it still, with other flags
//	- uid                         - not in it any more
//	end     F T uid base flags    the last snapshot, when all was quiet
//	file    F T base flags        the directory then
//	listed  F T uid base          the UID list then
//	peer    F T uid flags         what another server shows then
//
// An expunge or attempt by somebody who knows UIDs alone has "?" for the base.
package witness
