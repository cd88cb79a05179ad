package warning

import (
	"strconv"
	"strings"

	"fantail/internal/daemon/conf"
)

// language is the message in one language, and how it writes amounts.
type language struct {
	text    conf.WarningText
	units   [5]string // of 1, 1000, and so on, octets
	decimal string    // point or comma
	several string    // messages, behind a number
}

var bytesAsB = [5]string{"B", "kB", "MB", "GB", "TB"}

// catalogue are the languages of mail.quota_warning_language.
var catalogue = map[conf.Language]*language{
	"en": {units: bytesAsB, decimal: ".", several: "messages", text: `Subject: Your mailbox is %{percent}%% full

Your mailbox %{user} is %{percent}%% full: %{used} of %{limit} are in use.

When there is no room left, new mail for you cannot be delivered any more.

Please delete mail that you do not need, above all messages with large
attachments, and then empty the trash: what is in there takes up room, too.

This message comes from the mail server.
`},
	"de": {units: bytesAsB, decimal: ",", several: "Nachrichten", text: `Subject: Ihr Postfach ist zu %{percent} %% voll

Ihr Postfach %{user} ist zu %{percent} %% voll: %{used} von %{limit} sind belegt.

Wenn kein Platz mehr ist, können neue Nachrichten an Sie nicht mehr zugestellt
werden.

Bitte löschen Sie Nachrichten, die Sie nicht mehr brauchen, vor allem solche mit
großen Anhängen, und leeren Sie danach den Papierkorb: Auch was darin liegt,
braucht Platz.

Diese Nachricht kommt vom Mailserver.
`},
	"es": {units: bytesAsB, decimal: ",", several: "mensajes", text: `Subject: Su buzón está lleno al %{percent} %%

Su buzón %{user} está lleno al %{percent} %%: se usan %{used} de %{limit}.

Cuando no quede espacio, ya no se le podrá entregar correo nuevo.

Borre, por favor, los mensajes que no necesite, sobre todo los que tengan
archivos adjuntos grandes, y vacíe después la papelera: lo que hay en ella
también ocupa espacio.

Este mensaje procede del servidor de correo.
`},
	"fr": {units: [5]string{"o", "ko", "Mo", "Go", "To"}, decimal: ",", several: "messages", text: `Subject: Votre boîte aux lettres est pleine à %{percent} %%

Votre boîte aux lettres %{user} est pleine à %{percent} %% : %{used} sur %{limit}
sont utilisés.

Quand il n'y aura plus de place, les nouveaux messages ne pourront plus vous
être remis.

Veuillez supprimer les messages dont vous n'avez plus besoin, surtout ceux qui
ont de grandes pièces jointes, puis vider la corbeille : ce qu'elle contient
prend aussi de la place.

Ce message vient du serveur de messagerie.
`},
	"it": {units: bytesAsB, decimal: ",", several: "messaggi", text: `Subject: La sua casella di posta è piena al %{percent}%%

La sua casella di posta %{user} è piena al %{percent}%%: sono in uso %{used}
su %{limit}.

Quando non ci sarà più spazio, i nuovi messaggi non potranno più essere
consegnati.

La preghiamo di eliminare i messaggi che non le servono, soprattutto quelli con
allegati grandi, e poi di svuotare il cestino: anche ciò che contiene occupa
spazio.

Questo messaggio proviene dal server di posta.
`},
	"nl": {units: bytesAsB, decimal: ",", several: "berichten", text: `Subject: Uw mailbox is voor %{percent}%% vol

Uw mailbox %{user} is voor %{percent}%% vol: %{used} van %{limit} is in gebruik.

Als er geen ruimte meer is, kan nieuwe mail aan u niet meer worden bezorgd.

Verwijder a.u.b. berichten die u niet meer nodig hebt, vooral die met grote
bijlagen, en leeg daarna de prullenbak: ook wat daarin zit, neemt ruimte in.

Dit bericht komt van de mailserver.
`},
	"pl": {units: bytesAsB, decimal: ",", several: "wiadomości", text: `Subject: Twoja skrzynka pocztowa jest zapełniona w %{percent}%%

Twoja skrzynka pocztowa %{user} jest zapełniona w %{percent}%%: zajęte jest
%{used} z %{limit}.

Gdy zabraknie miejsca, nowych wiadomości nie będzie można dostarczyć.

Prosimy usunąć niepotrzebne wiadomości, zwłaszcza te z dużymi załącznikami,
a potem opróżnić kosz: jego zawartość też zajmuje miejsce.

Ta wiadomość pochodzi z serwera poczty.
`},
}

// octets is an amount in words, with at most one decimal, rounded down.
func (l *language) octets(n int64) string {
	unit, size := 0, int64(1)
	for unit+1 < len(l.units) && n/size >= 1000 {
		unit++
		size *= 1000
	}
	text := strconv.FormatInt(n/size, 10)
	if tenths := n % size / (max(size, 10) / 10); size > 1 && tenths > 0 && n/size < 100 {
		text += l.decimal + strconv.FormatInt(tenths, 10)
	}
	return text + " " + l.units[unit]
}

// messages is a number of messages in words. One alone is no limit that anybody reaches
// in parts.
func (l *language) messages(n int64) string {
	return strings.TrimSpace(strconv.FormatInt(n, 10) + " " + l.several)
}
