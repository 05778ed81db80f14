product = Media Gateway
description = اعثر على ما تشاهده في كل خدمات البث.
needs-script = تحتاج هذه الصفحة إلى السكربت. يمكنك البحث من دونه هنا:
plain-refused = يطلب العنوان ما ليس موجودا. هذه نتائج كلماته وحدها.
skip = انتقل إلى المحتوى
search-label = ابحث عن عناوين وأشخاص وأجواء
search-placeholder = عنوان، شخص، مزاج، عقد …
search-do = ابحث
search-clear = امسح البحث
close = إغلاق

prefs = التفضيلات
prefs-open = التفضيلات: { $region }، { $services ->
    [zero] لم تُختر خدمات
    [one] خدمة واحدة
    [two] خدمتان
    [few] { $services } خدمات
    [many] { $services } خدمة
   *[other] { $services } خدمة
}
prefs-region = مكانك
prefs-services = خدماتي
prefs-services-hint = تظهر عروضها أولا. تُحفظ في هذا المتصفح فقط.
prefs-language = اللغة
prefs-theme = الألوان
prefs-layout = العرض
theme-system = كما في النظام
theme-light = فاتح
theme-dark = داكن
layout-auto = تلقائي
layout-desk = مكتب وهاتف
layout-tv = تلفاز
locale-en = English
locale-ar = العربية
locale-en-XA = Pseudo

discover-title = اعثر على ما تشاهده
discover-lead = صفه بكلماتك، أو ابدأ بأحد الصفوف أدناه.
discover-all = عرض كل «{ $title }»
discover-empty = لا شيء في الفهرس بعد لتتصفحه.
discover-seen = آخر ما شوهد على هذا الجهاز

results-heading = النتائج
quoted = «{ $what }»
results-count = { $capped ->
    [yes] أكثر من { $count } عنوان
   *[no] { $count ->
        [zero] لا عناوين
        [one] عنوان واحد
        [two] عنوانان
        [few] { $count } عناوين
        [many] { $count } عنوانا
       *[other] { $count } عنوان
    }
}
results-near = { $capped ->
    [yes] أكثر من { $count } عنوان قريب
   *[no] { $count ->
        [zero] لا عناوين قريبة
        [one] عنوان واحد قريب
        [two] عنوانان قريبان
        [few] { $count } عناوين قريبة
        [many] { $count } عنوانا قريبا
       *[other] { $count } عنوان قريب
    }
}
results-fitting = { $fitting ->
    [zero] لا عنوان يطابق كل هذا
    [one] عنوان واحد مطابق
    [two] عنوانان مطابقان
    [few] { $fitting } عناوين مطابقة
    [many] { $fitting } عنوانا مطابقا
   *[other] { $fitting } عنوان مطابق
}
results-besides = { $capped ->
    [yes] أكثر من { $count } قريبة
   *[no] { $count ->
        [one] واحد قريب
        [two] اثنان قريبان
       *[other] { $count } قريبة
    }
}
results-time = خلال { $time }
sort = الترتيب
sort-relevance = الأقرب إلى الطلب
sort-popular = الأشهر
sort-trending = الأكثر بحثا هذه الأيام
sort-newest = الأحدث
sort-recently_added = أُضيف حديثا
results-held = توجد نتائج أحدث
results-held-show = اعرضها
results-page = الصفحة { $page } من { $pages }
results-page-short = الصفحة { $page }
results-previous = السابقة
results-next = التالية
results-slow = يستغرق هذا وقتا أطول من المعتاد.
results-before = ما تراه هو الجواب السابق.
results-part = غير مكتملة
results-degraded = لم يجب جزء من البحث ({ $sources })، فقد تنقص نتائج جيدة.
part-keyword = الكلمات
part-vector = المعنى
part-graph = الأشخاص والأنواع
part-intent-model = قراءة كلماتك
part-facets = الأعداد
part-personal = ترتيبك الخاص
straight-to = مباشرة إلى
suggest-person = شخص
suggest-genre = نوع
corrected = نعرض نتائج { $to } بدلا من { $from }.
corrected-undo = ابحث عما كتبته
as-typed = بحثنا عما كتبته بالضبط.

intent-label = كما فُهم
intent-text = كلمات: { $text }
intent-like = مثل { $title }
intent-not = ليس { $what }
intent-movie = أفلام
intent-tv_show = مسلسلات
intent-years = { $from }–{ $to }
intent-from = منذ { $from }
intent-to = حتى { $to }
intent-runtime = لا يتجاوز { $time }
intent-remove = أزل «{ $what }»
intent-edit = غيّر «{ $what }»
intent-reset = كما فُهم أولا
intent-from-label = من
intent-to-label = إلى
intent-minutes-label = دقائق
intent-words-label = كلمات
intent-apply = طبّق
editor-stand = مطلوب؟
editor-with = مطلوب
editor-without = غير مطلوب
editor-only = هذا فقط
editor-unknown = لا شيء هنا يسمى «{ $name }».
editor-near = أسماء قريبة
intent-unsure = لسنا متأكدين مما تعنيه.

ask-nothing-said = ماذا تريد أن تشاهد؟ اذكر عنوانا أو شخصا أو نوعا.
ask-only-stop-words = هل تقول المزيد عما تريد مشاهدته؟
ask-unknown-words = لا شيء هنا يعرف «{ $words }». هل تقولها بكلمات أخرى؟
ask-unknown-example = لا عنوان هنا يسمى «{ $title }». أي عنوان تعني؟
ask-part-of-example = هل تعني «{ $title }»؟
ask-namesakes = أي «{ $title }» تعني: { $first } أم { $second }؟
ask-namesakes-undated = أي «{ $title }» تعني: { $year } أم الذي لا تاريخ له؟
ask-namesakes-alike = أكثر من عنوان هنا يسمى «{ $title }». أيها تعني؟
ask-corrected = هل تعني «{ $words }»؟
ask-contradiction-genre = تطلب كلماتك { $genre } ولا تريده معا. أيهما تعني؟
ask-contradiction-person = تطلب كلماتك { $name } ولا تريده معا. أيهما تعني؟
ask-contradiction-years = تطلب كلماتك أعواما لا تجتمع. أيها تعني؟

lost = { $count ->
    [one] لم يعد { $what } مدرجا؛ بقية بحثك كما هي.
   *[other] لم تعد { $what } مدرجة؛ بقية بحثك كما هي.
}
lost-unread = يقول العنوان { $what }، ولا يمكن قراءته؛ بقيته كما هي.
lost-page = لا توجد صفحة { $page }؛ هذه هي الأخيرة.
lost-intent = لم يعد جزء من هذا العنوان مقروءا؛ بقيته كما هي.

filters = المرشحات
filters-active = المرشحات، { $count } مفعّلة
filters-clear = امسح المرشحات
facet-availability = التوفر
facet-here = معروض في { $region }
facet-mine = على خدماتي
facet-mine-none = اختر خدماتي
facet-types = الصنف
facet-genres = النوع
facet-decades = العقد
facet-platforms = الخدمة
facet-languages = اللغة
facet-years = أول عرض
facet-more = المزيد
facet-fewer = أقل
facet-runtime = المدة
facet-runtime-any = أي مدة
facet-runtime-max = لا تتجاوز { $time }
facet-rating = التقييم
facet-rating-any = أي تقييم
facet-rating-min = { $rating } أو أفضل
facet-people = أشخاص
facet-person = شخص
facet-title = عنوان
facet-mood = مزاج
facet-country = بلد
decade-label = عقد { $decade }، { $count ->
    [one] عنوان واحد
    [two] عنوانان
    [few] { $count } عناوين
    [many] { $count } عنوانا
   *[other] { $count } عنوان
}
decade-until = حتى { $year }، { $count ->
    [one] عنوان واحد
    [two] عنوانان
    [few] { $count } عناوين
    [many] { $count } عنوانا
   *[other] { $count } عنوان
}
decade-short = عقد { $decade }
type-movie = أفلام
type-tv_show = مسلسلات

empty-title = لا شيء يطابق كل هذا
empty-words = لا شيء يطابق هذه الكلمات
empty-lead = أقرب ما ينفع:
empty-without = من دون { $what }
empty-only = فقط { $what }
empty-any = كل ما في الفهرس، الأشهر أولا
empty-looking = نبحث عن أقرب شيء …
empty-none = لا شيء قريب منه في الفهرس أيضا. كلمات أقل تجد أكثر غالبا.
what-here = «معروض في { $region }»
what-mine = «على خدماتي»
what-rating = تقييم { $rating } أو أفضل
what-runtime = مدة لا تتجاوز { $time }
what-years = الأعوام { $years }
what-sort = الترتيب «{ $order }»
what-query = الكلمات «{ $q }»

row-trending = الأكثر بحثا هذه الأيام
row-why-trending = ما بحث عنه الناس بالاسم في الأيام الثلاثة الماضية
row-popular = الأشهر
row-why-popular = الأكثر أصواتا في كل المصادر
row-added = أُضيف حديثا على { $name }
row-why-added = الأحدث بحسب التاريخ الذي تذكره { $name }
row-genre = الأشهر في { $genre }
row-why-genre = الأكثر أصواتا من { $count } عنوان في { $genre }
row-decade = الأشهر من عقد { $decade }
row-why-decade = الأكثر أصواتا من { $count } عنوان من عقد { $decade }
row-director = من إخراج { $name }
row-why-director = أخرجها { $name }، الأكثر أصواتا أولا

why-title = العنوان يطابق «{ $words }»
why-director = إخراج { $name }
why-writer = كتابة { $name }
why-actor = بطولة { $name }
why-same-director = إخراج { $name }، مثل «{ $title }»
why-same-cast = يشارك «{ $title }» من الممثلين: { $name }
why-same-genre = من نوع «{ $title }»: { $genres }
why-genre = النوع: { $genre }
why-mood = { $genre } كثيرا ما يكون { $mood }
why-language = باللغة: { $language }
why-country = من { $country }
why-runtime = مدته { $minutes }
why-decade = من عقد { $decade }
why-year = من عام { $year }
why-meaning = قريب في المعنى
why-overview = يذكر وصفه: { $words }
why-words = يطابق كلماتك
why-nearest = الأقرب في المعنى
why-shared = يشترك في أشخاص أو أنواع
why-popular = مشهور

offer-stream = { $service }
offer-free = { $service }، مجانا
offer-ads = { $service }، مع إعلانات
offer-rent = استئجار { $price }
offer-buy = شراء { $price }
offer-rent-plain = استئجار
offer-buy-plain = شراء
offer-more = + { $count }
offer-none = غير معروض هنا
offer-none-anywhere = لا عرض معروفا
sample = عيّنة
sample-note = العروض الموسومة «عيّنة» مولّدة للعرض التجريبي. ليست حقيقية.

title-missing = هذا العنوان ليس في الفهرس
title-missing-lead = ربما دُمج مع غيره أو أُزيل. كثيرا ما يجده البحث من جديد.
title-search = ابحث عنه
kind-movie = فيلم
kind-tv_show = مسلسل
rating-line = { $rating } من 10، { $votes ->
    [one] صوت واحد
    [two] صوتان
    [few] { $votes } أصوات
    [many] { $votes } صوتا
   *[other] { $votes } صوت
}
original-title = في الأصل { $title }
offers-title = أين يُشاهد في { $region }
offers-none = لا نعرف عرضا في { $region }.
offers-elsewhere = في أماكن أخرى
offers-elsewhere-place = { $region } ({ $count })
offers-service = الخدمة
offers-stream = مشمول
offers-free = مجاني
offers-rent = استئجار
offers-buy = شراء
offers-anywhere = أين يُشاهد
offers-terms = الشروط
offers-where = المكان
offers-source = المصدر
offers-checked = آخر تحقق
offers-confidence = مدى الثقة
offers-yes = نعم
quality-sd = SD
quality-hd = HD
quality-uhd = 4K
offers-ads = مع إعلانات
offers-leaves = يغادر في { $date }
offers-open = افتح { $service }
offers-mine = لي
confidence-high = مؤكد
confidence-middle = مرجّح
confidence-low = غير مؤكد
confidence-label = { $word }، { $percent }
confidence-sample = مولّد
people-director = إخراج
people-creator = ابتكار
people-writer = كتابة
people-actor = بطولة
people-all = الكل ({ $count })
people-more = و{ $count } آخرون
seasons = { $count ->
    [one] موسم واحد
    [two] موسمان
    [few] { $count } مواسم
    [many] { $count } موسما
   *[other] { $count } موسم
}
seasons-title = المواسم
season-number = الموسم { $number }
season-specials = حلقات خاصة
episodes = { $count ->
    [one] حلقة واحدة
    [two] حلقتان
    [few] { $count } حلقات
    [many] { $count } حلقة
   *[other] { $count } حلقة
}
episode-number = الحلقة { $number }
episodes-none = لا نعرف أي حلقة.
similar-title = عناوين مشابهة
facts-title = حقائق
fact-countries = البلدان
fact-languages = اللغات
fact-ratings = التصنيف العمري
fact-released = أول عرض
fact-ids = معروف أيضا لدى
fact-updated = تغيّر السجل
loading = جارٍ التحميل

offline-title = أنت غير متصل
offline-lead = ما شاهدته آخرا يُفتح كما كان حينها.
offline-rest = البحث الجديد وعروض اليوم تحتاج إلى الشبكة.
offline-titles = العناوين
offline-searches = عمليات البحث
offline-none = لم يُشاهد شيء على هذا الجهاز بعد. يعود العمل حالما توجد شبكة.
offline-bar = غير متصل. قد يكون ما تراه قديما.
offline-bar-at = غير متصل. جُلب ما تراه { $ago }.
seen-at = شوهد { $ago }

fault-offline = هذا الجهاز غير متصل.
fault-offline-do = يُستأنف تلقائيا حين تعود الشبكة.
fault-down = الخادم لا يجيب.
fault-slow = الجواب يستغرق وقتا طويلا.
fault-busy = أسئلة كثيرة في وقت واحد.
fault-nonsense = أعطى الخادم جوابا لا معنى له.
fault-refused = الخادم يرفض هذا السؤال.
fault-gone = لا شيء هنا.
fault-gone-do = ربما كان العنوان قديما أو مكتوبا خطأ.
fault-again-in = { $seconds ->
    [one] يُعاد السؤال خلال ثانية.
    [two] يُعاد السؤال خلال ثانيتين.
    [few] يُعاد السؤال خلال { $seconds } ثوان.
   *[other] يُعاد السؤال خلال { $seconds } ثانية.
}
fault-again = اسأل مجددا
fault-trace = اذكر { $trace } حين تطلب المساعدة.
fault-start = إلى صفحة البداية
fault-old = ما تراه هو آخر جواب سليم.

genre-action = حركة
genre-adventure = مغامرة
genre-animals-nature = حيوانات وطبيعة
genre-animation = رسوم متحركة
genre-anime = أنمي
genre-anthology = مختارات
genre-arthouse = سينما فنية
genre-arts = فنون وثقافة
genre-biography = سيرة
genre-black-stories = قصص السود
genre-british = بريطاني
genre-buddy = صداقة
genre-classic = كلاسيكي
genre-comedy = كوميديا
genre-coming-of-age = نضج وبلوغ
genre-competition = مسابقات
genre-cooking = طبخ وطعام
genre-crime = جريمة
genre-cult = كالت
genre-dance = رقص
genre-disaster = كوارث
genre-documentary = وثائقي
genre-drama = دراما
genre-erotic = إيروتيكي
genre-faith = إيمان وروحانيات
genre-family = عائلي
genre-fantasy = خيال
genre-film-noir = فيلم نوار
genre-fitness = لياقة بدنية
genre-found-footage = لقطات معثور عليها
genre-history = تاريخ
genre-horror = رعب
genre-independent = مستقل
genre-international = عالمي
genre-kids = أطفال
genre-korean = كوري
genre-latino = لاتيني
genre-legal = قانون ومحاكم
genre-lgbtq = مجتمع الميم
genre-lifestyle = أسلوب حياة
genre-live-action = تصوير حي
genre-martial-arts = فنون قتالية
genre-medical = طبي
genre-music = موسيقى
genre-musical = غنائي
genre-mystery = غموض
genre-news = أخبار
genre-parody = محاكاة ساخرة
genre-performance = عروض
genre-police = بوليسي
genre-political = سياسي
genre-reality = تلفزيون الواقع
genre-romance = رومانسية
genre-satire = ساخر
genre-science = علوم وتقنية
genre-science-fiction = خيال علمي
genre-short = قصير
genre-silent = صامت
genre-sitcom = كوميديا موقف
genre-sketch = اسكتشات كوميدية
genre-slasher = سلاشر
genre-soap = مسلسل ميلودرامي
genre-spanish-language = بالإسبانية
genre-special-interest = اهتمامات خاصة
genre-sports = رياضة
genre-spy = تجسس
genre-stand-up = ستاند أب كوميدي
genre-superhero = أبطال خارقون
genre-supernatural = خوارق
genre-survival = صراع البقاء
genre-talk-show = برنامج حواري
genre-teen = مراهقون
genre-thriller = إثارة
genre-travel = سفر
genre-variety = منوعات
genre-war = حرب
genre-western = غرب أمريكي

mood-relaxing = مريح
mood-uplifting = مبهج
mood-tense = مشوّق
mood-dark = قاتم
mood-sad = حزين
mood-exciting = مثير
mood-thoughtful = يدعو إلى التأمل
mood-weird = غريب
mood-inspiring = ملهم
mood-nostalgic = يثير الحنين
