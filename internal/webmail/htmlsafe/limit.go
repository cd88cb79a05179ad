package htmlsafe

// The limits. Large newsletters have 200 kB of HTML and 5,000 elements.
const (
	maxInput      = 2 << 20     // bytes of HTML
	maxOutput     = 4 << 20     // bytes of HTML without inline images
	maxTags       = 100_000     // start and end tags
	maxNodes      = 50_000      // nodes of the tree, which can be more than the tags say
	maxDepth      = 512         // elements open at once; html.Parse has the same limit
	maxAttributes = 1_000       // attributes of one element
	maxRounds     = 6           // rebuilding until nothing changes
	maxStyle      = 1 << 20     // bytes of CSS, sheets and attributes together
	maxURL        = 8 << 10     // bytes of one link
	maxTitle      = 2 << 10     // bytes of alt and title
	maxDataImage  = 1 << 20     // bytes of one image, encoded or not
	maxImages     = 8 << 20     // bytes of all inline images of a message
	maxPoints     = 40_000_000  // points of one image in the message
	maxAllPoints  = 100_000_000 // points of all of them
	maxSuspicious = 20          // links that are listed
	maxSelectors  = 20_000      // selectors of all sheets
	maxCSSDepth   = 8           // functions in functions
	maxWordRunes  = 300         // text of a link that is looked at
)
