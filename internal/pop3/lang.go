package pop3

import "strings"

// language is what the texts of answers are in. There is one.
const language = "en"

// ErrLanguage is the answer to LANG with another language.
const ErrLanguage SyntaxError = "texts are to be had in English only"

// AppendLang appends the answer to LANG with these arguments to b (RFC 6856 section
// 3.2). A language range that fits nothing is ErrLanguage.
func AppendLang(b []byte, args *Args) ([]byte, error) {
	if !args.More() {
		b = AppendOK(b, NoCode, "Language listing follows.")
		return append(b, language+" English\r\n.\r\n"...), nil
	}
	wanted := args.Word()
	if err := args.End(); err != nil {
		return b, err
	}
	// RFC 4647 section 3.3.1: a range fits what is the same, or begins with it and "-".
	if wanted != "*" && !strings.EqualFold(wanted, language) {
		return b, ErrLanguage
	}
	return AppendOK(b, NoCode, language+" This is English."), nil
}
