package message

// headerLine takes a line, or a fragment of one, of the innermost part's
// header.
func (s *Scanner) headerLine(b []byte) {
	if s.first {
		if b[0] == '\n' || len(b) > 1 && b[0] == '\r' && b[1] == '\n' {
			s.endHeader(s.next)
			return
		}
		if len(s.starts) == 0 || b[0] != ' ' && b[0] != '\t' {
			if s.fields+len(s.starts) >= s.lim.Fields {
				s.clipped = true
			}
			if !s.clipped {
				s.starts = append(s.starts, len(s.head))
			}
		}
	}
	if s.clipped {
		return
	}
	if n := int64(len(s.head) + len(b)); n > s.lim.Header || s.kept+n > s.lim.Headers {
		// Half a field would be worse than none.
		s.clipped = true
		last := len(s.starts) - 1
		s.head, s.starts = s.head[:s.starts[last]], s.starts[:last]
		return
	}
	s.head = append(s.head, b...)
}

// endHeader ends the header of the innermost part before the mark end and
// looks at what it says about the body.
func (s *Scanner) endHeader(end mark) {
	s.inHeader = false
	f := &s.open[len(s.open)-1]
	f.body = end
	p := f.part
	p.Header = Span{f.start.off, end.off - f.start.off}
	p.HeaderSize, p.HeaderLines = end.size(f.start), end.lf-f.start.lf
	p.Body.Off = end.off
	p.Clipped = s.clipped
	p.addresses = s.lim.Addresses
	s.keepFields(p)
	digest := false
	if n := len(s.open); n > 1 {
		digest = s.open[n-2].part.Is("multipart", "digest")
	}
	p.interpret(digest, s.lim.Params)
	s.descend(p)
}

// keepFields makes the fields of the header that was just read.
func (s *Scanner) keepFields(p *Part) {
	if len(s.starts) == 0 {
		return
	}
	head := string(s.head)
	s.kept += int64(len(head))
	s.fields += len(s.starts)
	p.Fields = make([]Field, len(s.starts))
	for i, start := range s.starts {
		end := len(head)
		if i+1 < len(s.starts) {
			end = s.starts[i+1]
		}
		p.Fields[i].set(head[start:end], p.Header.Off+int64(start))
	}
}

// descend prepares for what is in the body of the innermost part p.
func (s *Scanner) descend(p *Part) {
	nested := p.Type == "message" && (p.Subtype == "rfc822" || p.Subtype == "global")
	if p.Type != "multipart" && !nested {
		return
	}
	if len(s.open) >= s.lim.Depth || s.parts >= s.lim.Parts {
		p.Type, p.Subtype, p.Params = "application", "octet-stream", nil
		return
	}
	if nested {
		s.push(s.open[len(s.open)-1].body)
		return
	}
	if boundary := boundary(p.Params); boundary != "" {
		s.bounds = append(s.bounds, bound{"--" + boundary, len(s.open) - 1})
	}
}
