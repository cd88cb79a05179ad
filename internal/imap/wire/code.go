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
	RespEnabled    = "ENABLED" // RFC 5161 section 3.2
	RespESearch    = "ESEARCH" // RFC 4731 section 3.1
	RespExists     = "EXISTS"
	RespExpunge    = "EXPUNGE"
	RespFetch      = "FETCH"
	RespFlags      = "FLAGS"
	RespID         = "ID"
	RespList       = "LIST"
	RespLsub       = "LSUB"
	RespNamespace  = "NAMESPACE"
	RespQuota      = "QUOTA"     // RFC 9208 section 5.1
	RespQuotaRoot  = "QUOTAROOT" // RFC 9208 section 5.2
	RespRecent     = "RECENT"
	RespSearch     = "SEARCH"
	RespSort       = "SORT" // RFC 5256 section 4
	RespStatus     = "STATUS"
	RespThread     = "THREAD"   // RFC 5256 section 4
	RespVanished   = "VANISHED" // RFC 7162 section 3.2.10
	RespXList      = "XLIST"    // in no RFC
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
	CodeNotSaved    = "NOTSAVED"
	CodeUnknownCTE  = "UNKNOWN-CTE"
	CodeUseAttr     = "USEATTR" // RFC 6154 section 3 first

	// RFC 7162 section 7
	CodeHighestModSeq = "HIGHESTMODSEQ"
	CodeNoModSeq      = "NOMODSEQ"
	CodeModified      = "MODIFIED"

	// RFC 4978 section 3
	CodeCompressionActive = "COMPRESSIONACTIVE"

	// RFC 5465 section 8
	CodeBadEvent             = "BADEVENT"
	CodeNotificationOverflow = "NOTIFICATIONOVERFLOW"

	// RFC 8474 section 4.1
	CodeMailboxID = "MAILBOXID"

	// RFC 9585 section 3
	CodeInProgress = "INPROGRESS"
)

// What a result of SEARCH and SORT may have: options of RETURN, items of ESEARCH.
const (
	RetMin     = "MIN" // RFC 4731 section 3.1
	RetMax     = "MAX"
	RetAll     = "ALL"
	RetCount   = "COUNT"
	RetSave    = "SAVE"    // RFC 5182 section 3
	RetPartial = "PARTIAL" // RFC 9394 section 4
	RetModSeq  = "MODSEQ"  // RFC 4731 section 3.2
)

// Capability names.
const (
	CapIMAP4rev1     = "IMAP4rev1"     // RFC 3501
	CapIMAP4rev2     = "IMAP4rev2"     // RFC 9051
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

	CapBinary           = "BINARY"                // RFC 3516
	CapESearch          = "ESEARCH"               // RFC 4731
	CapCompressDeflate  = "COMPRESS=DEFLATE"      // RFC 4978
	CapWithin           = "WITHIN"                // RFC 5032
	CapEnable           = "ENABLE"                // RFC 5161
	CapSearchRes        = "SEARCHRES"             // RFC 5182
	CapI18NLevel1       = "I18NLEVEL=1"           // RFC 5255
	CapSort             = "SORT"                  // RFC 5256
	CapThreadSubject    = "THREAD=ORDEREDSUBJECT" // RFC 5256
	CapThreadReferences = "THREAD=REFERENCES"     // RFC 5256
	CapThreadRefs       = "THREAD=REFS"           // draft-ietf-morg-inthread
	CapESort            = "ESORT"                 // RFC 5267
	CapNotify           = "NOTIFY"                // RFC 5465
	CapListStatus       = "LIST-STATUS"           // RFC 5819
	CapSortDisplay      = "SORT=DISPLAY"          // RFC 5957
	CapCreateSpecialUse = "CREATE-SPECIAL-USE"    // RFC 6154
	CapMove             = "MOVE"                  // RFC 6851
	CapUTF8Accept       = "UTF8=ACCEPT"           // RFC 6855, RFC 9755
	CapCondStore        = "CONDSTORE"             // RFC 7162
	CapQResync          = "QRESYNC"               // RFC 7162
	CapAppendLimit      = "APPENDLIMIT"           // RFC 7889
	CapStatusSize       = "STATUS=SIZE"           // RFC 8438
	CapObjectID         = "OBJECTID"              // RFC 8474
	CapSaveDate         = "SAVEDATE"              // RFC 8514
	CapPreview          = "PREVIEW"               // RFC 8970
	CapQuota            = "QUOTA"                 // RFC 9208
	CapQuotaResStorage  = "QUOTA=RES-STORAGE"     // RFC 9208
	CapQuotaResMessage  = "QUOTA=RES-MESSAGE"     // RFC 9208
	CapPartial          = "PARTIAL"               // RFC 9394
	CapInProgress       = "INPROGRESS"            // RFC 9585
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

	AttrNoAccess = `\NoAccess` // RFC 5465 section 3.1

	// RFC 6154 section 2
	AttrAll     = `\All`
	AttrArchive = `\Archive`
	AttrDrafts  = `\Drafts`
	AttrFlagged = `\Flagged`
	AttrJunk    = `\Junk`
	AttrSent    = `\Sent`
	AttrTrash   = `\Trash`
)
