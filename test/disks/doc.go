// Package disks tests deliver and lmtpd on disks that fail: real file systems that are
// full, are read-only, have a quota, answer with I/O errors or lose power, each in a file
// that is mounted, which needs root and loop devices.
//
// Whatever happens, these promises hold:
//
//   - Who is told that a message is delivered, by exit status 0 or reply 250, finds it in
//     the mailbox, once and whole, after a power cut too.
//   - Who is not, is told to try again: exit status 75, or a reply of class 4. The message
//     is not there, nor a part of it, and nothing of it stays in tmp.
//   - When the disk works again the same message is delivered, once.
package disks
