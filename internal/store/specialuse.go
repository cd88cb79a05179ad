package store

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"fantail/internal/mail"
	"fantail/internal/store/uidlist"
)

// What mailboxes are for (RFC 6154) is, in this order,
//
//   - what clients have said when they created them: the file fantail-specialuse
//     beside the subscriptions (uidlist.SpecialUses). It follows a rename, and so does
//     a use that was known by the name alone;
//   - what their names say, for each use that no mailbox in that file has: the first of
//     knownNames that there is.
//
// The file also says that the account is not new any more: as long as there is none,
// whoever looks for mailboxes makes those that a new account gets (furnish).

// SpecialUses are the attributes that a mailbox can be given (RFC 6154 section 2).
// \All and \Flagged would be mailboxes that show the mail of others.
var SpecialUses = []string{`\Archive`, `\Drafts`, `\Junk`, `\Sent`, `\Trash`}

// Folder is a mailbox that a new account gets.
type Folder struct {
	Use  string // one of SpecialUses
	Name string // with the separator of the layout
}

// knownNames are the names under which clients create their special folders, in
// small letters. Of several mailboxes for one use the first in this list has it; they
// may also lie below INBOX.
var knownNames = [...]struct {
	use   string
	names []string
}{
	{`\Drafts`, []string{"drafts", "draft", "entwürfe", "brouillons", "borradores", "bozze", "concepten", "rascunhos", "szkice",
		"wersje robocze", "utkast", "kladder", "luonnokset", "koncepty", "piszkozatok", "taslaklar", "черновики",
		"чернетки", "πρόχειρα", "下書き", "草稿", "草稿箱", "임시보관함"}},
	{`\Sent`, []string{"sent", "sent messages", "sent items", "sent mail", "sent-mail", "gesendet", "gesendete objekte",
		"gesendete elemente", "envoyés", "messages envoyés", "éléments envoyés", "enviados", "elementos enviados",
		"inviati", "posta inviata", "verzonden", "verzonden items", "verzonden berichten", "itens enviados", "wysłane",
		"elementy wysłane", "skickat", "skickade", "sendt", "sendte elementer", "lähetetyt", "odeslané",
		"odeslaná pošta", "elküldött", "gönderilmiş öğeler", "отправленные", "надіслані", "απεσταλμένα", "送信済み",
		"送信済みアイテム", "已发送", "已发送邮件", "已傳送", "보낸편지함"}},
	{`\Trash`, []string{"trash", "deleted messages", "deleted items", "deleted", "papierkorb", "gelöschte objekte",
		"gelöschte elemente", "corbeille", "éléments supprimés", "papelera", "elementos eliminados", "cestino",
		"posta eliminata", "prullenbak", "verwijderde items", "lixeira", "lixo", "itens excluídos", "kosz",
		"elementy usunięte", "papperskorgen", "borttaget", "papirkurv", "slettede elementer", "roskakori", "koš",
		"odstraněná pošta", "kuka", "çöp kutusu", "silinmiş öğeler", "корзина", "удаленные", "кошик", "κάδος",
		"ゴミ箱", "削除済みアイテム", "已删除", "已删除邮件", "垃圾桶", "휴지통"}},
	{`\Junk`, []string{"junk", "spam", "junk e-mail", "junk email", "junk mail", "bulk mail", "junk-e-mail", "unerwünscht",
		"werbung", "indésirables", "courrier indésirable", "pourriel", "correo no deseado", "posta indesiderata",
		"ongewenst", "ongewenste e-mail", "lixo eletrônico", "lixo eletrónico", "niechciane", "wiadomości-śmieci",
		"skräppost", "uønsket e-mail", "uønsket post", "søppelpost", "roskaposti", "nevyžádaná pošta", "levélszemét",
		"önemsiz", "спам", "迷惑メール", "垃圾邮件", "垃圾郵件", "스팸"}},
	{`\Archive`, []string{"archive", "archives", "archiv", "archivo", "archivio", "archief", "arquivo", "archiwum", "arkiv",
		"arkisto", "archivum", "arşiv", "архив", "архів", "アーカイブ", "归档", "存档", "封存", "보관함"}},
}

// known is a place in knownNames.
type known struct {
	use  string
	rank int
}

// knownPlaces returns the places of knownNames by name. It is made each time: most
// processes never need it, and it takes memory.
func knownPlaces() map[string]known {
	places := make(map[string]known)
	for _, k := range knownNames {
		for i, name := range k.names {
			places[name] = known{k.use, 2 * i}
		}
	}
	return places
}

// placeOf returns what the name of a mailbox says.
func (a *Account) placeOf(name string, places map[string]known) (k known, ok bool) {
	under, below := strings.CutPrefix(a.plain(name), mail.Inbox+a.separator())
	if k, ok = places[strings.ToLower(under)]; below {
		k.rank++
	}
	return k, ok
}

// markSpecialUse sets SpecialUse of the mailboxes.
func (a *Account) markSpecialUse(byName map[string]*Info) {
	said, _ := a.saidUses()
	taken := make(map[string]bool)
	for _, u := range said {
		if i := byName[u.Name]; i != nil && !i.NoSelect {
			i.SpecialUse = append(i.SpecialUse, u.Use)
			taken[u.Use] = true
		}
	}
	best := make(map[string]*Info)
	rank := make(map[string]int)
	places := knownPlaces()
	for name, i := range byName {
		k, ok := a.placeOf(name, places)
		if !ok || taken[k.use] || i.NoSelect {
			continue
		}
		// Names that differ in case only have one rank.
		if b := best[k.use]; b == nil || k.rank < rank[k.use] || k.rank == rank[k.use] && name < b.Name {
			best[k.use], rank[k.use] = i, k.rank
		}
	}
	for use, i := range best {
		i.SpecialUse = append(i.SpecialUse, use)
	}
	for _, i := range byName {
		slices.Sort(i.SpecialUse)
	}
}

// saidUses returns what clients have said, with names of mailboxes, and whether the
// account is new. What cannot be read says nothing; the log knows.
func (a *Account) saidUses() (said []uidlist.SpecialUse, fresh bool) {
	stored, err := a.uses.List()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true
	}
	if err != nil {
		a.usesDamage.Do(func() { a.opt.Log.Warn("special uses not read", "err", err) })
	}
	return a.namedUses(stored), false
}

// namedUses returns the uses with names of mailboxes in place of those on disk.
func (a *Account) namedUses(stored []uidlist.SpecialUse) (said []uidlist.SpecialUse) {
	for _, u := range stored {
		if name, ok := a.mailbox(u.Name); ok && slices.Contains(SpecialUses, u.Use) {
			said = append(said, uidlist.SpecialUse{Use: u.Use, Name: name})
		}
	}
	return said
}

// designate says that a mailbox has the uses, and no other mailbox has one of them.
// The result takes that back.
func (a *Account) designate(ctx context.Context, name string, uses []string) (undo func() error, err error) {
	var before []uidlist.SpecialUse
	folder := a.folder(name)
	err = a.uses.Update(ctx, func(old []uidlist.SpecialUse) []uidlist.SpecialUse {
		before = slices.Clone(old)
		now := slices.DeleteFunc(old, func(u uidlist.SpecialUse) bool { return slices.Contains(uses, u.Use) })
		for _, use := range uses {
			now = append(now, uidlist.SpecialUse{Use: use, Name: folder})
		}
		return now
	})
	undo = func() error {
		return a.uses.Update(context.WithoutCancel(ctx), func(now []uidlist.SpecialUse) []uidlist.SpecialUse {
			now = slices.DeleteFunc(now, func(u uidlist.SpecialUse) bool { return slices.Contains(uses, u.Use) })
			for _, u := range before {
				if slices.Contains(uses, u.Use) {
					now = append(now, u)
				}
			}
			return now
		})
	}
	return undo, err
}

// forgetUses is called when a mailbox is gone.
func (a *Account) forgetUses(ctx context.Context, name string) {
	said, _ := a.saidUses()
	if !slices.ContainsFunc(said, func(u uidlist.SpecialUse) bool { return u.Name == name }) {
		return
	}
	err := a.uses.Update(ctx, func(old []uidlist.SpecialUse) []uidlist.SpecialUse {
		return slices.DeleteFunc(old, func(u uidlist.SpecialUse) bool {
			n, ok := a.mailbox(u.Name)
			return ok && n == name
		})
	})
	if err != nil {
		a.opt.Log.Warn("special use of a deleted mailbox not removed", "mailbox", name, "err", err)
	}
}

// moveUses is called when src and what is below it have become dst. byName is from
// before that: a use that only the old name told is said from now on.
func (a *Account) moveUses(ctx context.Context, byName map[string]*Info, src, dst string) {
	a.markSpecialUse(byName)
	moved := func(name string) bool { return name == src || a.below(name, src) }
	var said []uidlist.SpecialUse
	for name, i := range byName {
		for _, use := range i.SpecialUse {
			if moved(name) {
				said = append(said, uidlist.SpecialUse{Use: use, Name: a.folder(dst + name[len(src):])})
			}
		}
	}
	if len(said) == 0 {
		return
	}
	slices.SortFunc(said, func(x, y uidlist.SpecialUse) int { return strings.Compare(x.Use, y.Use) })
	err := a.uses.Update(ctx, func(old []uidlist.SpecialUse) []uidlist.SpecialUse {
		kept := slices.DeleteFunc(old, func(u uidlist.SpecialUse) bool {
			n, ok := a.mailbox(u.Name)
			return ok && moved(n)
		})
		return append(kept, said...)
	})
	if err != nil {
		a.opt.Log.Warn("special use of a renamed mailbox lost", "mailbox", dst, "err", err)
	}
}

// furnish makes the mailboxes that a new account gets, and subscribes to them. It
// makes none for a use that some mailbox already has. It is tried once in the life of
// an Account; where nothing may be written it does nothing.
func (a *Account) furnish(ctx context.Context) {
	if len(a.opt.Folders) == 0 {
		return
	}
	a.furnished.Do(func() {
		if _, fresh := a.saidUses(); !fresh {
			return
		}
		// Whoever comes first makes them; others wait for the file, and find it.
		err := a.uses.Update(context.WithoutCancel(ctx), func(old []uidlist.SpecialUse) []uidlist.SpecialUse {
			if _, fresh := a.saidUses(); !fresh {
				return old
			}
			return a.makeFolders(ctx)
		})
		if err != nil && !cannotWrite(err) {
			a.opt.Log.Warn("new account gets no folders", "err", err)
		}
	})
}

// makeFolders makes what furnish does, and returns what the mailboxes are for.
func (a *Account) makeFolders(ctx context.Context) (said []uidlist.SpecialUse) {
	byName, err := a.scanNames(ctx)
	if err != nil {
		a.opt.Log.Warn("folders of a new account", "err", err)
		return nil
	}
	a.markSpecialUse(byName)
	taken := make(map[string]bool)
	for _, i := range byName {
		for _, use := range i.SpecialUse {
			taken[use] = true
		}
	}
	for _, f := range a.opt.Folders {
		if taken[f.Use] {
			continue
		}
		if err := a.makeFolder(f, byName); err != nil {
			a.opt.Log.Warn("folder of a new account not made", "mailbox", f.Name, "err", err)
			continue
		}
		said = append(said, uidlist.SpecialUse{Use: f.Use, Name: a.folder(f.Name)})
	}
	return said
}

// makeFolder makes a mailbox, if there is none of the name, and subscribes to it.
func (a *Account) makeFolder(f Folder, byName map[string]*Info) error {
	name, err := a.canonical(f.Name)
	if err != nil {
		return err
	}
	if i := byName[name]; i != nil && !i.NoSelect {
		return nil
	}
	d, err := a.tree.Create(a.folder(name))
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err == nil {
		if err := d.Close(); err != nil {
			return err
		}
	}
	return a.subs.Set(a.folder(name), true)
}
