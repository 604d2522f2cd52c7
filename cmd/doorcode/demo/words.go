package demo

// words are the stand-in's two languages.
var words = map[string][2]string{
	"title":    {"Hesab Books", "دفاتر حساب"},
	"login":    {"Sign in", "تسجيل الدخول"},
	"company":  {"Company", "الشركة"},
	"user":     {"User name", "اسم المستخدم"},
	"password": {"Password", "كلمة المرور"},
	"wrong":    {"Wrong company, user name or password.", "الشركة أو اسم المستخدم أو كلمة المرور غير صحيحة."},
	"stale":    {"The form was too old. Please try again.", "النموذج قديم. يرجى المحاولة مرة أخرى."},
	"home":     {"Home", "الرئيسية"},
	"welcome":  {"Welcome", "أهلاً وسهلاً"},
	"invoices": {"Invoices", "الفواتير"},
	"users":    {"Users", "المستخدمون"},
	"note":     {"Note", "ملاحظة"},
	"save":     {"Save", "حفظ"},
	"saved":    {"Saved.", "تم الحفظ."},
	"logout":   {"Sign out", "تسجيل الخروج"},
	"sure":     {"Really sign out?", "هل تريد تسجيل الخروج؟"},
	"number":   {"No.", "الرقم"},
	"customer": {"Customer", "الزبون"},
	"date":     {"Date", "التاريخ"},
	"amount":   {"Amount", "المبلغ"},
	"missing":  {"There is no such page.", "الصفحة غير موجودة."},
	"other":    {"العربية", "English"},
}

func translate(language, key string) string {
	pair, ok := words[key]
	if !ok {
		return key
	}
	if language == "ar" {
		return pair[1]
	}
	return pair[0]
}

func direction(language string) string {
	if language == "ar" {
		return "rtl"
	}
	return "ltr"
}
