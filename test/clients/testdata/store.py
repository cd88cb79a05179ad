"""Changes flags, copies and deletes over IMAP. store.py imaps certificate"""
import imaplib, ssl, sys

m = imaplib.IMAP4_SSL("127.0.0.1", int(sys.argv[1]), ssl_context=ssl.create_default_context(cafile=sys.argv[2]))
m.login("demo", "demo")


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


ok(m.select("INBOX"))
ok(m.uid("STORE", "1", "FLAGS", r"(\Flagged \Draft)"))
ok(m.uid("STORE", "2", "+FLAGS", r"($Important Work)"))
ok(m.uid("STORE", "2", "FLAGS.SILENT", r"(\Seen Work)"))
ok(m.uid("STORE", "3", "FLAGS", r"(\Seen \Answered \Flagged)"))
ok(m.uid("STORE", "3", "-FLAGS", r"(\Answered)"))
ok(m.uid("COPY", "4:5", "Archive"))
ok(m.uid("STORE", "4", "+FLAGS", r"(\Deleted)"))
ok(m.uid("STORE", "6", "+FLAGS", r"(\Deleted)"))
ok(m.uid("EXPUNGE", "4:5"))
ok(m.append("Drafts", r"(\Draft \Seen Work)", imaplib.Time2Internaldate(1700000000), b"Subject: appended\n\nbody\n"))
ok(m.create("Made"))
ok(m.rename("Made", "Other.Made"))
m.logout()
