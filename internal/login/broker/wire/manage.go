package wire

// What a front asks authd for somebody who changes how he logs in.
const (
	KindManage  Kind = 'E'
	KindManaged Kind = 'e'
)

// Limits of what is managed, in octets unless it is said.
const (
	maxTold     = 400 // of a label that is given
	maxLabel    = 100 // of one that is told
	maxID       = 16
	maxCode     = 64
	maxSecrets  = 16 // in number
	maxSecret   = 1024
	maxProgram  = 100 // in number: apppw.Most
	maxPrograms = 8   // services of one, in number
	maxKeys     = 10  // in number: factor.MostKeys
	maxOrigin   = 270
)

// Verb is what is to be done.
type Verb uint8

// The verbs. Each answers with what there is afterwards.
const (
	Unlock         Verb = 1 + iota // a ticket of the service Security becomes a permit
	Look                           // and nothing more
	AddPassword                    // Label, Services: makes an app password, the one secret
	RevokePassword                 // ID
	BeginCodes                     // Label is the issuer: secrets are the one to type, and its URI
	ConfirmCodes                   // Code: puts that secret in force; secrets are recovery codes
	RenewRecovery                  // secrets are recovery codes
	EndCodes                       // no authenticator app any more
	BeginKey                       // Label is the origin: Options, and nothing else, is told
	ConfirmKey                     // Label, Response: keeps the security key; secrets may be recovery codes
	RemoveKey                      // ID

	lastVerb = RemoveKey
)

// Manage asks for a change of how an account logs in. Permit is the ticket of a login to
// the service Security for Unlock, and for all else what Unlock has told. The answer is
// Managed, or a Failure: NoTicket if there is no such permit any more, Wrong for a wrong
// code or key, Malformed for what cannot be, Busy if there are too many, Mechanism if there
// can be no security keys for the origin.
type Manage struct {
	Permit   Ticket
	Account  string
	Verb     Verb
	ID       string
	Label    string
	Code     string
	Services []Service
	Response []byte // of a security key, in JSON
}

// Managed is how an account logs in.
type Managed struct {
	Permit    Ticket // after Unlock
	Codes     bool   // an authenticator app is in force
	Pending   bool   // one waits for ConfirmCodes
	Recovery  uint8  // codes that are left
	Secrets   []string
	Passwords []AppPassword
	Keys      []SecurityKey
	Options   []byte // JSON for a new security key
}

// SecurityKey is a security key or passkey.
type SecurityKey struct {
	ID, Label     string
	Origin        string // where it is good
	Created, Used uint32 // days; 0: never
}

// AppPassword is one, without its secret. Days are numbers from the first of January 1970.
type AppPassword struct {
	ID, Label     string // of the label the first 100 octets
	Services      []Service
	Created, Used uint32 // 0: never
}

// Kind implements Message.
func (*Manage) Kind() Kind { return KindManage }

// Kind implements Message.
func (*Managed) Kind() Kind { return KindManaged }

func (m *Manage) fields(w walker) {
	w.fixed(m.Permit[:])
	w.text(&m.Account, maxName)
	if w.octet((*uint8)(&m.Verb)); m.Verb == 0 || m.Verb > lastVerb {
		w.fail("no such verb")
	}
	w.text(&m.ID, maxID)
	w.text(&m.Label, maxTold)
	w.text(&m.Code, maxCode)
	services(w, &m.Services)
	w.octets(&m.Response, MaxResponse)
}

func (m *Managed) fields(w walker) {
	w.fixed(m.Permit[:])
	w.flag(&m.Codes)
	w.flag(&m.Pending)
	w.octet(&m.Recovery)
	n := w.count(len(m.Secrets), maxSecrets)
	if m.Secrets == nil && n > 0 {
		m.Secrets = make([]string, n)
	}
	for i := range m.Secrets {
		w.text(&m.Secrets[i], maxSecret)
	}
	n = w.count(len(m.Passwords), maxProgram)
	if m.Passwords == nil && n > 0 {
		m.Passwords = make([]AppPassword, n)
	}
	for i := range m.Passwords {
		m.Passwords[i].fields(w)
	}
	n = w.count(len(m.Keys), maxKeys)
	if m.Keys == nil && n > 0 {
		m.Keys = make([]SecurityKey, n)
	}
	for i := range m.Keys {
		m.Keys[i].fields(w)
	}
	w.octets(&m.Options, maxOptions)
}

func (k *SecurityKey) fields(w walker) {
	w.text(&k.ID, maxID)
	w.text(&k.Label, maxLabel)
	w.text(&k.Origin, maxOrigin)
	w.number(&k.Created)
	w.number(&k.Used)
}

func (p *AppPassword) fields(w walker) {
	w.text(&p.ID, maxID)
	w.text(&p.Label, maxLabel)
	services(w, &p.Services)
	w.number(&p.Created)
	w.number(&p.Used)
}

func services(w walker, list *[]Service) {
	n := w.count(len(*list), maxPrograms)
	if *list == nil && n > 0 {
		*list = make([]Service, n)
	}
	for i := range *list {
		service(w, &(*list)[i])
	}
}
