package samplemail

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// charset is how a text becomes octets and what the header calls that.
type charset struct {
	label    string
	encoding encoding.Encoding // nil: UTF-8
}

var (
	utf8Set      = charset{"utf-8", nil}
	latin1       = charset{"iso-8859-1", charmap.ISO8859_1}
	latin9       = charset{"ISO-8859-15", charmap.ISO8859_15}
	latin2       = charset{"iso-8859-2", charmap.ISO8859_2}
	greek        = charset{"iso-8859-7", charmap.ISO8859_7}
	windows1251  = charset{"windows-1251", charmap.Windows1251}
	windows1252  = charset{"Windows-1252", charmap.Windows1252}
	windows1255  = charset{"windows-1255", charmap.Windows1255}
	koi8r        = charset{"koi8-r", charmap.KOI8R}
	iso2022jp    = charset{"ISO-2022-JP", japanese.ISO2022JP}
	gb18030      = charset{"gb18030", simplifiedchinese.GB18030}
	turkishLatin = charset{"iso-8859-9", charmap.ISO8859_9}
)

// encode panics for a text that the charset does not have: the tables here
// are then wrong.
func (c charset) encode(s string) []byte {
	if c.encoding == nil {
		return []byte(s)
	}
	b, err := c.encoding.NewEncoder().Bytes([]byte(s))
	if err != nil {
		panic("samplemail: " + c.label + " cannot say " + s)
	}
	return b
}

// tongue is a language with somebody who writes in it.
type tongue struct {
	from     person
	subjects []string
	greeting string
	say      []string
	farewell string
	joint    string // between sentences
}

var (
	german = tongue{person{"Jürgen Weiß", "juergen.weiss@example.org"},
		[]string{"Schlüssel für die Werkstatt", "Grüße aus dem Süden", "Änderung der Öffnungszeiten", "Rückfrage zur Rechnung über 1.240 Euro"},
		"Liebe Robin,", []string{
			"der Schlüssel hängt jetzt wieder am Brett, und zwar am größeren Haken.",
			"Könntest du mir bis Dienstag sagen, wie viele Stühle wir brauchen?",
			"Die Straße vor dem Haus wird nächste Woche aufgerissen, bitte im Hof parken.",
			"Übrigens hat der Bäcker gegenüber endlich wieder geöffnet.",
			"Für den Rückweg empfehle ich die Strecke über Würzburg.",
		}, "Schöne Grüße\nJürgen", " "}
	french = tongue{person{"Renée Lefèvre", "renee.lefevre@example.com"},
		[]string{"Réunion déplacée à jeudi", "Où en est le catalogue d'été ?", "Dîner à la maison", "Cœur de ville : les travaux à 12 €"},
		"Bonjour Robin,", []string{
			"la salle du rez-de-chaussée est déjà prise, nous serons donc au troisième étage.",
			"J'ai relu le texte : il reste deux fautes et une phrase que je ne comprends pas.",
			"Le train de 18 h 05 est supprimé, celui de 18 h 35 est maintenu.",
			"Peux-tu apporter la clé du placard à dossiers ?",
			"Ma sœur arrive dimanche et l'œuvre sera enfin accrochée.",
		}, "Bien à toi,\nRenée", " "}
	russian = tongue{person{"Дарья Соколова", "d.sokolova@example.net"},
		[]string{"Фотографии с выставки", "Вопрос о расписании", "Новый адрес мастерской", "Билеты на пятницу"},
		"Здравствуйте, Робин!", []string{
			"Выставка открывается в четверг, но посмотреть можно уже завтра.",
			"Лестницу наконец починили, и теперь до третьего этажа можно дойти без приключений.",
			"Посылаю список книг, которые мы обещали библиотеке.",
			"Если поезд опоздает, ждите меня у часов.",
			"Чай и варенье будут, а вот самовар пока не нашли.",
		}, "С уважением,\nДарья", " "}
	japaneseTongue = tongue{person{"佐藤 美咲", "misaki.sato@example.com"},
		[]string{"来週の打ち合わせについて", "写真をお送りします", "資料の確認をお願いします"},
		"ロビン様", []string{
			"いつもお世話になっております。",
			"来週の水曜日の午後三時に会議室でお待ちしております。",
			"先日お話しした地図の写しを用意しました。",
			"駅から歩いて五分ほどですが、坂道なのでお気をつけください。",
			"ご都合が悪い場合は早めにお知らせください。",
		}, "よろしくお願いいたします。\n佐藤", ""}
	chinese = tongue{person{"李文静", "li.wenjing@example.net"},
		[]string{"下个月的展览安排", "图书馆的钥匙", "关于合同的两个问题"},
		"罗宾，你好：", []string{
			"展览的海报已经印好了，明天上午可以来取。",
			"请告诉我一共需要几把椅子，仓库里只剩下十二把。",
			"火车票我已经订好，是靠窗的座位。",
			"老街的茶馆重新开张了，下次我们去坐一坐。",
			"如果下雨，我们就改到星期天。",
		}, "祝好\n文静", ""}
	hebrew = tongue{person{"נועה לוי", "noa.levi@example.org"},
		[]string{"פגישה ביום רביעי בשעה 10:30", "המפתח של הסדנה"},
		"שלום רובין,", []string{
			"הפגישה עברה לחדר 214 בקומה השנייה.",
			"הספר שביקשת מחכה לך בספרייה עד סוף השבוע.",
			"האוטובוס קו 18 עוצר ממש ליד הכניסה.",
			"אם יש שינוי, כתבי לי לכתובת noa.levi@example.org.",
		}, "להתראות,\nנועה", " "}
	arabic = tongue{person{"ليلى حداد", "layla.haddad@example.com"},
		[]string{"موعد المعرض يوم الخميس", "صور من الرحلة (12 صورة)"},
		"مرحبا روبن،", []string{
			"تغير موعد الافتتاح إلى الساعة السابعة مساء.",
			"وجدت الكتاب القديم في مكتبة قرب المحطة.",
			"أرجو أن ترسل لي عنوان Fantail الجديد.",
			"الطقس جميل هذا الأسبوع والحديقة مفتوحة للجميع.",
		}, "مع أطيب التحيات،\nليلى", " "}
	polish = tongue{person{"Łukasz Wiśniewski", "lukasz@example.net"},
		[]string{"Zdjęcia z wycieczki", "Późniejsza godzina spotkania"},
		"Cześć Robin,", []string{
			"pociąg spóźnił się dwadzieścia minut, ale zdążyliśmy na łódkę.",
			"Wysyłam listę rzeczy, które trzeba jeszcze kupić.",
			"Klucz leży pod doniczką, tą z żółtym kwiatem.",
			"Jeśli możesz, przynieś większy namiot.",
		}, "Pozdrawiam\nŁukasz", " "}
	greekTongue = tongue{person{"Ελένη Παπαδάκη", "eleni@example.net"},
		[]string{"Το πλοίο της Παρασκευής", "Φωτογραφίες από το νησί"},
		"Γεια σου Ρόμπιν,", []string{
			"το πλοίο φεύγει στις εννέα από την αριστερή αποβάθρα.",
			"Ο μικρός δρόμος πίσω από την εκκλησία είναι κλειστός.",
			"Κράτησα δύο δωμάτια με θέα στη θάλασσα.",
		}, "Φιλικά,\nΕλένη", " "}
	turkish = tongue{person{"Mehmet Yılmaz", "mehmet.yilmaz@example.org"},
		[]string{"Cuma günkü toplantı", "Yeni atölyenin anahtarı"},
		"Merhaba Robin,", []string{
			"toplantı saat üçe alındı, salon aynı.",
			"Çay ve simit benden, gerisini siz düşünün.",
			"Işıkların neden söndüğünü hâlâ anlamadık.",
			"Gelirken büyük ölçüm aletini de getirebilir misin?",
		}, "Görüşmek üzere,\nMehmet", " "}
	vietnamese = tongue{person{"Nguyễn Thị Hạnh", "hanh.nguyen@example.com"},
		[]string{"Lịch họp tuần tới", "Ảnh chụp ở chợ nổi"},
		"Chào Robin,", []string{
			"cuộc họp dời sang chiều thứ năm, lúc hai giờ.",
			"Mình gửi kèm danh sách những việc còn lại.",
			"Quán cà phê ở góc phố đã mở cửa trở lại.",
		}, "Thân mến,\nHạnh", " "}
)

// fill writes the letter's sender, subject and text in this language.
func (t tongue) fill(g *gen, l *letter) string {
	l.from = t.from
	l.subject = pick(g, t.subjects)
	say := some(g, t.say, 3)
	return t.greeting + "\n\n" + strings.Join(say, t.joint) + "\n\n" + t.farewell + "\n"
}
