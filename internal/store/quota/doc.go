// Package quota keeps the file maildirsize of Maildir++: how much mail an account
// has, and how much it may have. Courier, Dovecot (quota backend maildir), maildrop,
// Exim and others read and write the same file. The store asks before it takes
// mail (Fits), says what came and went (Begin, End), shows the numbers (Usage), and is
// told when there is much (Tell, told.go), which waits then for a program (Take, waiting.go).
// This package knows no mailboxes; who counts them is its parameter (Mail).
//
// # The file
//
//	file   = limits LF *( line LF )
//	limits = limit *( "," limit )          ; as the writer's configuration says
//	limit  = number "S" / number "C"       ; octets, messages; 0 or absent: none
//	line   = *SP change 1*SP change        ; octets, messages; the sum of all counts
//
// A recount writes the first line with the account's total, and puts the file in
// place by rename; every change of the mail appends one line by one write with
// O_APPEND. There is no lock, so the sum is a good guess that must heal by itself.
// It is not believed, and all mail is counted again, if
//
//   - there is no file, or it has 5,120 octets or more, or no line of counts;
//   - the limits in it are not the configured ones;
//   - something in it does not parse, the last line has no end, a sum is negative;
//   - it says that the account is over its limit (or would be, with the message
//     that is to come), unless it is fresh: one line of counts, and younger than
//     15 minutes. So nobody is refused because of an old sum.
//
// # States
//
//	     what is on disk             who moves on, how                  what a crash leaves
//	Q0   no file                     recount: Q1, by rename             Q0; rubbish in tmp, which maildir.CleanTmp removes
//	Q1   limits and one line         End, others: Q2, by append         Q1
//	Q2   limits and more lines       End: Q2; recount: Q1               Q2
//	Q3   something not believed      recount: Q1                        Q3
//
// Nothing is synced: what a power cut makes of the file does not parse, or is a
// little wrong, and heals.
//
// # Races
//
// A recount must not publish a total that misses, or has already seen, a change
// that somebody appends. It compares the stamp of all mailboxes from before the
// count with those from after it and from after the rename: if they differ, what
// it counted is returned but not kept. The other side is Begin and End: the file
// is opened before mail comes or goes, and the line appended to that same file
// afterwards. If it has been replaced meanwhile, nobody knows whether the recount
// saw the change, and End spoils the new file (Q3, or Q0).
//
// Other programs do less, and on NFS two machines that append at the same time can
// lose one of the lines: O_APPEND is not atomic there. Sums drift, then, until the
// next recount, which the size of the file forces after some hundred changes.
//
// # Limits
//
// Limits that the administrator has configured count, and a file with others is
// rewritten. Without any, those in the file count, as Courier's maildirmake -q
// leaves them: the first line is kept as it is, and the file is never removed.
// Without both there is no quota, and no file is made. Of an account that is to have no
// limits (Unlimited) those in the file do not count either, and with the next change
// of the mail it goes: nobody shall believe later what nobody keeps.
//
// Mail can be permitted to go beyond the limits (Beyond): some in certain mailboxes, and
// one message by grace. Nothing of that is in the file, which others read: what has come
// counts, and is over the limits for them.
//
// Sizes are those of the messages as stored (S= in their names), as Dovecot counts
// them. Which mailboxes count, and whether the trash does, is up to Mail.
package quota
