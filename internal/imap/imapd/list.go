package imapd

import (
	"context"
	"slices"
	"strings"

	"fantail/internal/imap"
	"fantail/internal/imap/wire"
	"fantail/internal/store"
)

// node is a name that LIST can show.
type node struct {
	store.Info
	nonExistent bool // only subscribed
}

// list is LIST (RFC 9051 section 6.3.9) with its extensions (RFC 5258, RFC 6154).
func (s *Session) list(ctx context.Context) error {
	args, err := imap.ScanList(s.in)
	if err != nil {
		return err
	}
	if !args.Extended && args.Patterns[0] == "" {
		// RFC 9051 section 6.3.9: the empty pattern asks for the delimiter.
		s.writeNode(wire.RespList, []string{wire.AttrNoSelect}, "")
		s.out.CRLF()
		return s.ok(ctx, "LIST completed.")
	}
	nodes, err := s.nodes(ctx, args)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		below := args.RecursiveMatch && s.hiddenSubscription(nodes, n, args)
		if !args.Matches(n.Name, s.acct.Delimiter()) || !below && !selects(args, n) {
			continue
		}
		s.writeNode(wire.RespList, attributes(args, n), n.Name)
		if below {
			s.out.SP().List(func() {
				s.out.String("CHILDINFO").SP().List(func() { s.out.String("SUBSCRIBED") })
			})
		}
		s.out.CRLF()
	}
	return s.ok(ctx, "LIST completed.")
}

// nodes returns every name that LIST could show, sorted as the store sorts.
func (s *Session) nodes(ctx context.Context, args imap.ListArgs) ([]node, error) {
	infos, err := s.acct.List(ctx)
	if err != nil {
		return nil, err
	}
	nodes := make([]node, 0, len(infos))
	have := make(map[string]bool, len(infos))
	for _, i := range infos {
		nodes = append(nodes, node{Info: i})
		have[i.Name] = true
	}
	if !args.Subscribed {
		return nodes, nil
	}
	subs, err := s.acct.Subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range subs {
		if !have[name] {
			have[name] = true
			nodes = append(nodes, node{store.Info{Name: name, Subscribed: true}, true})
		}
		for up := s.above(name); args.RecursiveMatch && up != ""; up = s.above(up) {
			if !have[up] {
				have[up] = true
				nodes = append(nodes, node{store.Info{Name: up, HasChildren: true}, true})
			}
		}
	}
	return nodes, nil
}

// above returns the name one level up, or "".
func (s *Session) above(name string) string {
	return name[:max(0, strings.LastIndexByte(name, s.acct.Delimiter()))]
}

// selects reports whether the selection options want the node.
func selects(args imap.ListArgs, n node) bool {
	return (!args.Subscribed || n.Subscribed) && (!args.SpecialUse || n.SpecialUse != "")
}

// hiddenSubscription reports whether a name below n is subscribed and not shown
// itself (RFC 5258 section 3.5: what CHILDINFO tells).
func (s *Session) hiddenSubscription(nodes []node, n node, args imap.ListArgs) bool {
	delimiter := s.acct.Delimiter()
	return slices.ContainsFunc(nodes, func(c node) bool {
		return c.Subscribed && strings.HasPrefix(c.Name, n.Name+string(delimiter)) && !args.Matches(c.Name, delimiter)
	})
}

// attributes are the node's mailbox attributes (RFC 9051 section 7.3.1). Those of
// RFC 6154 are there unasked: some clients look for them and never ask.
func attributes(args imap.ListArgs, n node) []string {
	var a []string
	switch {
	case (n.nonExistent || n.NoSelect) && args.Extended: // RFC 5258 section 3
		a = append(a, wire.AttrNonExistent)
	case n.NoSelect || n.nonExistent:
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
	if n.SpecialUse != "" {
		a = append(a, n.SpecialUse)
	}
	return a
}

// lsub is LSUB (RFC 3501 section 6.3.9).
func (s *Session) lsub(ctx context.Context) error {
	args, err := imap.ScanLsub(s.in)
	if err != nil {
		return err
	}
	subs, err := s.acct.Subscriptions(ctx)
	if err != nil {
		return err
	}
	subscribed := make(map[string]bool, len(subs))
	for _, name := range subs {
		subscribed[name] = true
	}
	shown := make(map[string]bool)
	for _, name := range subs {
		if args.Matches(name, s.acct.Delimiter()) {
			s.writeNode(wire.RespLsub, nil, name)
			s.out.CRLF()
			continue
		}
		// "%" shows the parents of what it does not reach, as \Noselect.
		for up := s.above(name); up != ""; up = s.above(up) {
			if !subscribed[up] && !shown[up] && args.Matches(up, s.acct.Delimiter()) && strings.HasSuffix(args.Patterns[0], "%") {
				shown[up] = true
				s.writeNode(wire.RespLsub, []string{wire.AttrNoSelect}, up)
				s.out.CRLF()
			}
		}
	}
	return s.ok(ctx, "LSUB completed.")
}

// writeNode writes a LIST or LSUB response up to the name.
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

// namespace is NAMESPACE (RFC 9051 section 6.3.10): all mail of the account is in
// its personal namespace, whose prefix is empty.
func (s *Session) namespace(ctx context.Context) error {
	s.in.CRLF()
	if err := s.in.Err(); err != nil {
		return err
	}
	s.out.Untagged(wire.RespNamespace).SP().List(func() {
		s.out.List(func() { s.out.Quoted("").SP().Quoted(string(s.acct.Delimiter())) })
	}).SP().NIL().SP().NIL().CRLF()
	return s.ok(ctx, "NAMESPACE completed.")
}
