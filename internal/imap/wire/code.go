package wire

// The statuses of a response (RFC 9051 section 7.1).
const (
	OK      = "OK"
	NO      = "NO"
	BAD     = "BAD"
	PREAUTH = "PREAUTH"
	BYE     = "BYE"
)

// The names of untagged responses (RFC 9051 section 7, RFC 3501 section 7).
const (
	RespCapability = "CAPABILITY"
	RespExists     = "EXISTS"
	RespExpunge    = "EXPUNGE"
	RespFetch      = "FETCH"
	RespFlags      = "FLAGS"
	RespID         = "ID"
	RespList       = "LIST"
	RespLsub       = "LSUB"
	RespNamespace  = "NAMESPACE"
	RespRecent     = "RECENT"
	RespSearch     = "SEARCH"
	RespStatus     = "STATUS"
)

// Response codes.
const (
	// RFC 3501 section 7.1
	CodeAlert          = "ALERT"
	CodeBadCharset     = "BADCHARSET"
	CodeCapability     = "CAPABILITY"
	CodeParse          = "PARSE"
	CodePermanentFlags = "PERMANENTFLAGS"
	CodeReadOnly       = "READ-ONLY"
	CodeReadWrite      = "READ-WRITE"
	CodeTryCreate      = "TRYCREATE"
	CodeUIDNext        = "UIDNEXT"
	CodeUIDValidity    = "UIDVALIDITY"
	CodeUnseen         = "UNSEEN"

	// RFC 4315 section 3
	CodeAppendUID    = "APPENDUID"
	CodeCopyUID      = "COPYUID"
	CodeUIDNotSticky = "UIDNOTSTICKY"

	// RFC 4469 section 4.2
	CodeTooBig = "TOOBIG"

	// RFC 5530 section 3
	CodeUnavailable          = "UNAVAILABLE"
	CodeAuthenticationFailed = "AUTHENTICATIONFAILED"
	CodeAuthorizationFailed  = "AUTHORIZATIONFAILED"
	CodeExpired              = "EXPIRED"
	CodePrivacyRequired      = "PRIVACYREQUIRED"
	CodeContactAdmin         = "CONTACTADMIN"
	CodeNoPerm               = "NOPERM"
	CodeInUse                = "INUSE"
	CodeExpungeIssued        = "EXPUNGEISSUED"
	CodeCorruption           = "CORRUPTION"
	CodeServerBug            = "SERVERBUG"
	CodeClientBug            = "CLIENTBUG"
	CodeCannot               = "CANNOT"
	CodeLimit                = "LIMIT"
	CodeOverQuota            = "OVERQUOTA"
	CodeAlreadyExists        = "ALREADYEXISTS"
	CodeNonExistent          = "NONEXISTENT"

	// RFC 9051 section 7.1
	CodeHasChildren = "HASCHILDREN"
	CodeClosed      = "CLOSED"
)

// Capability names.
const (
	CapIMAP4rev1     = "IMAP4rev1"     // RFC 3501
	CapStartTLS      = "STARTTLS"      // RFC 3501 section 6.2.1
	CapLoginDisabled = "LOGINDISABLED" // RFC 3501 section 6.2.3
	CapAuthPlain     = "AUTH=PLAIN"    // RFC 3501 section 6.2.2, RFC 4616
	CapIdle          = "IDLE"          // RFC 2177
	CapMultiAppend   = "MULTIAPPEND"   // RFC 3502
	CapNamespace     = "NAMESPACE"     // RFC 2342
	CapID            = "ID"            // RFC 2971
	CapChildren      = "CHILDREN"      // RFC 3348
	CapUnselect      = "UNSELECT"      // RFC 3691
	CapUIDPlus       = "UIDPLUS"       // RFC 4315
	CapSASLIR        = "SASL-IR"       // RFC 4959
	CapListExtended  = "LIST-EXTENDED" // RFC 5258
	CapSpecialUse    = "SPECIAL-USE"   // RFC 6154
	CapLiteralPlus   = "LITERAL+"      // RFC 7888
)

// System flags (RFC 9051 section 2.3.2), and what PERMANENTFLAGS has besides.
const (
	FlagSeen     = `\Seen`
	FlagAnswered = `\Answered`
	FlagFlagged  = `\Flagged`
	FlagDeleted  = `\Deleted`
	FlagDraft    = `\Draft`
	FlagRecent   = `\Recent` // RFC 3501 section 2.3.2; not settable
	FlagAny      = `\*`      // RFC 9051 section 7.1: new keywords can be made
)

// Mailbox attributes of LIST and LSUB responses.
const (
	// RFC 3501 section 7.2.2
	AttrNoInferiors = `\Noinferiors`
	AttrNoSelect    = `\Noselect`
	AttrMarked      = `\Marked`
	AttrUnmarked    = `\Unmarked`

	// RFC 3348 section 3
	AttrHasChildren   = `\HasChildren`
	AttrHasNoChildren = `\HasNoChildren`

	// RFC 5258 section 3
	AttrNonExistent = `\NonExistent`
	AttrSubscribed  = `\Subscribed`

	// RFC 6154 section 2
	AttrAll     = `\All`
	AttrArchive = `\Archive`
	AttrDrafts  = `\Drafts`
	AttrFlagged = `\Flagged`
	AttrJunk    = `\Junk`
	AttrSent    = `\Sent`
	AttrTrash   = `\Trash`
)
