"""Deletes over POP3. dele.py pop3s certificate number..."""
import poplib, ssl, sys

p = poplib.POP3_SSL("127.0.0.1", int(sys.argv[1]), context=ssl.create_default_context(cafile=sys.argv[2]))
p.user("demo")
p.pass_("demo")
for number in sys.argv[3:]:
    p.dele(int(number))
p.quit()
