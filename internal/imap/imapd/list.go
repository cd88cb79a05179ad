package imapd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/mail"
	"fantail/internal/store"
)

// node is a name that LIST can show.
type node struct {
	store.Info
	matches bool // the patterns
	selects bool // meets the selection criteria
	below   bool // has a name below it that meets them and does not match (CHILDINFO)
}

// list is LIST (RFC 9051 section 6.3.9) with its extensions (RFC 5258, RFC 5819,
// RFC 6154).
func (s *Session) list(ctx context.Context) error {
	args, err := imap.ScanList(s.in)
	if err != nil {
		return err
	}
	if args.Root {
		s.writeRoot(wire.RespList)
		return s.ok(ctx, "LIST completed.")
	}
	nodes, err := s.nodes(ctx, args)
	if err != nil {
		return err
	}
	for i := range nodes {
		if n := &nodes[i]; n.matches && (n.selects || n.below) {
			if err := s.listNode(ctx, args, n); err != nil {
				return err
			}
		}
	}
	return s.ok(ctx, "LIST completed.")
}

// listNode writes the LIST response of a node, and the STATUS response that the
// client wants besides.
func (s *Session) listNode(ctx context.Context, args imap.ListArgs, n *node) error {
	var st *store.Status
	if len(args.ReturnStatus) > 0 && n.selects && !n.NoSelect {
		var err error
		if st, err = s.statusIn(ctx, n, args.ReturnStatus); err != nil {
			return err
		}
	}
	s.writeNode(wire.RespList, attributes(args, n), n.Name)
	if n.below {
		s.out.SP().List(func() {
			s.out.String("CHILDINFO").SP().List(func() { s.childInfo(args) })
		})
	}
	s.out.CRLF()
	if st != nil {
		s.writeStatus(n.Name, args.ReturnStatus, st)
	}
	return nil
}

// statusIn is the state of one of many mailboxes; nil, and the log knows why, if it
// cannot be told. A mailbox that cannot be selected at all has \Noselect then, as the
// response that comes before wants it (RFC 5819 section 2).
func (s *Session) statusIn(ctx context.Context, n *node, items []imap.StatusItem) (*store.Status, error) {
	st, err := s.acct.Status(ctx, n.Name, s.prepareStatus(items))
	var failed *store.Error
	switch {
	case err == nil:
		return &st, nil
	case ctx.Err() != nil || !errors.As(err, &failed):
		return nil, err
	}
	n.NoSelect = failed.Kind == store.NotFound || failed.Kind == store.Gone || failed.Kind == store.Denied
	s.log.Warn("mailbox listed without its status", "mailbox", n.Name, "err", err)
	return nil, nil
}

// childInfo writes the selection criteria (RFC 5258 section 3.5).
func (s *Session) childInfo(args imap.ListArgs) {
	s.out.String("SUBSCRIBED") // without which there is no RECURSIVEMATCH
	if args.SpecialUse {
		s.out.SP().String("SPECIAL-USE")
	}
}

// nodes returns every name that LIST could show, INBOX first and the rest sorted,
// with what the patterns and the selection options say of each.
func (s *Session) nodes(ctx context.Context, args imap.ListArgs) ([]node, error) {
	infos, err := s.acct.List(ctx)
	if err != nil {
		return nil, err
	}
	nodes := make([]node, len(infos))
	for i, info := range infos {
		nodes[i].Info = info
	}
	if args.Subscribed {
		if nodes, err = s.addSubscribed(ctx, nodes, args); err != nil {
			return nil, err
		}
	}
	for i := range nodes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := &nodes[i]
		n.matches = args.Matches(n.Name, s.acct.Delimiter())
		n.selects = (!args.Subscribed || n.Subscribed) && (!args.SpecialUse || len(n.SpecialUse) > 0)
	}
	if args.RecursiveMatch {
		s.markAbove(nodes)
	}
	return nodes, nil
}

// addSubscribed adds the subscribed names that are no mailboxes, and for
// RECURSIVEMATCH those above them.
func (s *Session) addSubscribed(ctx context.Context, nodes []node, args imap.ListArgs) ([]node, error) {
	subs, err := s.acct.Subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	have := make(map[string]bool, len(nodes)+len(subs))
	for i := range nodes {
		have[nodes[i].Name] = true
	}
	add := func(i store.Info) {
		if !have[i.Name] {
			have[i.Name] = true
			nodes = append(nodes, node{Info: i})
		}
	}
	for _, name := range subs {
		add(store.Info{Name: name, NoSelect: true, NonExistent: true, Subscribed: true})
	}
	for _, name := range subs {
		for up := s.above(name); args.RecursiveMatch && up != ""; up = s.above(up) {
			add(store.Info{Name: up, NoSelect: true, NonExistent: true})
		}
	}
	slices.SortFunc(nodes[1:], func(x, y node) int { return strings.Compare(x.Name, y.Name) })
	return nodes, nil
}

// markAbove marks what is above a name that is selected and does not match, and so
// is not shown itself.
func (s *Session) markAbove(nodes []node) {
	byName := make(map[string]*node, len(nodes))
	for i := range nodes {
		byName[nodes[i].Name] = &nodes[i]
	}
	for i := range nodes {
		if !nodes[i].selects || nodes[i].matches {
			continue
		}
		for up := s.above(nodes[i].Name); up != ""; up = s.above(up) {
			if n := byName[up]; n != nil {
				n.below = true
			}
		}
	}
}

// above returns the name one level up, or "".
func (s *Session) above(name string) string {
	return name[:max(0, strings.LastIndexByte(name, s.acct.Delimiter()))]
}

// attributes are the node's mailbox attributes (RFC 9051 section 7.3.1). Those of
// RFC 6154 are there unasked: some clients look for them and never ask.
func attributes(args imap.ListArgs, n *node) []string {
	var a []string
	switch {
	case n.NonExistent && args.Extended: // RFC 5258 section 3
		a = append(a, wire.AttrNonExistent)
	case n.NoSelect:
		a = append(a, wire.AttrNoSelect)
	}
	if n.HasChildren {
		a = append(a, wire.AttrHasChildren)
	} else {
		a = append(a, wire.AttrHasNoChildren)
	}
	if n.Subscribed && (args.Subscribed || args.ReturnSubscribed) {
		a = append(a, wire.AttrSubscribed)
	}
	return append(a, n.SpecialUse...)
}

// xlistNames are what XLIST calls the special uses by another name than RFC 6154.
var xlistNames = map[string]string{
	wire.AttrAll:     `\AllMail`,
	wire.AttrFlagged: `\Starred`,
	wire.AttrJunk:    `\Spam`,
}

// xlist is XLIST, by which clients asked for special uses before RFC 6154: LIST of the
// basic syntax with other names of some attributes, and \Inbox. It is not offered,
// but some use it unasked.
func (s *Session) xlist(ctx context.Context) error {
	args, err := imap.ScanBasicList(s.in)
	if err != nil {
		return err
	}
	if args.Root {
		s.writeRoot(wire.RespXList)
		return s.ok(ctx, "XLIST completed.")
	}
	nodes, err := s.nodes(ctx, args)
	if err != nil {
		return err
	}
	for i := range nodes {
		if !nodes[i].matches {
			continue
		}
		attrs := attributes(args, &nodes[i])
		for j, a := range attrs {
			if x, ok := xlistNames[a]; ok {
				attrs[j] = x
			}
		}
		if nodes[i].Name == mail.Inbox {
			attrs = append(attrs, `\Inbox`)
		}
		s.writeNode(wire.RespXList, attrs, nodes[i].Name)
		s.out.CRLF()
	}
	return s.ok(ctx, "XLIST completed.")
}

// lsub is LSUB (RFC 3501 section 6.3.9).
func (s *Session) lsub(ctx context.Context) error {
	args, err := imap.ScanBasicList(s.in)
	if err != nil {
		return err
	}
	subs, err := s.acct.Subscriptions(ctx)
	if err != nil {
		return err
	}
	shown := make(map[string]bool, len(subs))
	for _, name := range subs {
		shown[name] = true
	}
	parents := len(args.Patterns) > 0 && strings.HasSuffix(args.Patterns[0], "%")
	for _, name := range subs {
		if args.Matches(name, s.acct.Delimiter()) {
			s.writeNode(wire.RespLsub, nil, name)
			s.out.CRLF()
			continue
		}
		// "%" shows the parents of what it does not reach, as \Noselect.
		for up := s.above(name); parents && up != ""; up = s.above(up) {
			if !shown[up] && args.Matches(up, s.acct.Delimiter()) {
				shown[up] = true
				s.writeNode(wire.RespLsub, []string{wire.AttrNoSelect}, up)
				s.out.CRLF()
			}
		}
	}
	return s.ok(ctx, "LSUB completed.")
}

// writeRoot answers the empty pattern, which asks for the delimiter (RFC 9051
// section 6.3.9).
func (s *Session) writeRoot(kind string) {
	s.writeNode(kind, []string{wire.AttrNoSelect}, "")
	s.out.CRLF()
}

// writeNode writes a LIST, LSUB or XLIST response up to the name.
func (s *Session) writeNode(kind string, attrs []string, name string) {
	s.out.Untagged(kind).SP().ListStart()
	for i, a := range attrs {
		if i > 0 {
			s.out.SP()
		}
		s.out.Flag(a)
	}
	s.out.ListEnd().SP().Quoted(string(s.acct.Delimiter())).SP()
	if name == "" {
		s.out.Quoted("")
		return
	}
	imap.WriteMailbox(s.out, name)
}
