# What people read. Voice: plain sentences in the present (DESIGN.md).
product = Media Gateway
description = Find something to watch across every streaming service.
needs-script = This page needs script. You can search without it here:
plain-refused = The address asks for something that is not there. These are the results of its words alone.
skip = Skip to the content
search-label = Search titles, people, moods
search-placeholder = Title, person, mood, decade …
search-do = Search
search-clear = Clear the search
close = Close

# Preferences
prefs = Preferences
prefs-open = Preferences: { $region }, { $services ->
    [0] no services chosen
    [one] { $services } service
   *[other] { $services } services
}
prefs-region = Where you are
prefs-services = My services
prefs-services-hint = Offers of these come first. Kept in this browser only.
prefs-language = Language
prefs-theme = Colours
prefs-layout = Layout
theme-system = As the system
theme-light = Light
theme-dark = Dark
layout-auto = Automatic
layout-desk = Desk and phone
layout-tv = TV
locale-en = English
locale-ar = العربية
locale-en-XA = Pseudo (for translators)

# Discover
discover-title = Find something to watch
discover-lead = Say it in your own words, or start with a row below.
discover-all = See all of “{ $title }”
discover-empty = There is nothing in the catalogue to look around in yet.
discover-seen = Seen last on this device

# Search
results-heading = Results
quoted = “{ $what }”
results-count = { $capped ->
    [yes] More than { $count } titles
   *[no] { $count ->
        [0] No titles
        [one] { $count } title
       *[other] { $count } titles
    }
}
results-near = { $capped ->
    [yes] More than { $count } titles come near
   *[no] { $count ->
        [one] { $count } title comes near
       *[other] { $count } titles come near
    }
}
results-fitting = { $fitting ->
    [0] No title fits all of it
    [one] { $fitting } title fits
   *[other] { $fitting } titles fit
}
results-besides = { $capped ->
    [yes] more than { $count } come near
   *[no] { $count ->
        [one] { $count } comes near
       *[other] { $count } come near
    }
}
results-time = in { $time }
sort = Order
sort-relevance = Best match
sort-popular = Most popular
sort-trending = Searched for these days
sort-newest = Newest
sort-recently_added = Recently added
results-held = Newer results are ready
results-held-show = Show them
results-page = Page { $page } of { $pages }
results-page-short = page { $page }
results-previous = Previous
results-next = Next
results-slow = This takes longer than usual.
results-before = What you see is the answer before.
results-part = incomplete
results-degraded = Part of the search did not answer ({ $sources }), so good matches may be missing.
part-keyword = words
part-vector = meaning
part-graph = people and genres
part-intent-model = the reading of your words
part-facets = the counts
part-personal = your own order
straight-to = Straight to
suggest-person = person
suggest-genre = genre
corrected = Showing results for { $to } instead of { $from }.
corrected-undo = Search for what I typed
as-typed = Searched for exactly what you typed.

intent-label = Understood as
intent-text = words: { $text }
intent-like = like { $title }
intent-not = not { $what }
intent-movie = films
intent-tv_show = series
intent-years = { $from }–{ $to }
intent-from = since { $from }
intent-to = until { $to }
intent-runtime = at most { $time }
intent-remove = Remove “{ $what }”
intent-edit = Change “{ $what }”
intent-reset = As first understood
intent-from-label = From
intent-to-label = To
intent-minutes-label = Minutes
intent-words-label = Words
intent-apply = Apply
editor-stand = Wanted?
editor-with = Wanted
editor-without = Not wanted
editor-only = Only this
editor-unknown = Nothing here is called “{ $name }”.
editor-near = Names that come near
intent-unsure = We are not sure what you mean.

# What is asked where it is not clear what was meant
ask-nothing-said = What would you like to watch? Name a title, a person or a genre.
ask-only-stop-words = Can you say more about what you would like to watch?
ask-unknown-words = Nothing here knows “{ $words }”. Can you say it in other words?
ask-unknown-example = No title here is called “{ $title }”. Which one do you mean?
ask-part-of-example = Do you mean “{ $title }”?
ask-namesakes = Which “{ $title }” do you mean: { $first } or { $second }?
ask-namesakes-undated = Which “{ $title }” do you mean: { $year } or the undated one?
ask-namesakes-alike = More than one title here is called “{ $title }”. Which one do you mean?
ask-corrected = Did you mean “{ $words }”?
ask-contradiction-genre = Your words ask for { $genre } and against it. Which do you mean?
ask-contradiction-person = Your words ask for { $name } and against it. Which do you mean?
ask-contradiction-years = Your words ask for years that exclude each other. Which do you mean?

lost = { $count ->
    [one] { $what } is no longer listed; the rest of your search stands.
   *[other] { $what } are no longer listed; the rest of your search stands.
}
lost-unread = The address says { $what }, which can't be read; the rest of it stands.
lost-page = There is no page { $page }; this is the last.
lost-intent = A part of this address can no longer be read; the rest of it stands.

filters = Filters
filters-active = Filters, { $count } set
filters-clear = Clear the filters
facet-availability = Availability
facet-here = Offered here ({ $region })
facet-mine = On my services
facet-mine-none = Choose my services
facet-types = Kind
facet-genres = Genre
facet-decades = Decade
facet-platforms = Service
facet-languages = Language
facet-years = First shown
facet-more = More
facet-fewer = Fewer
facet-runtime = Length
facet-runtime-any = Any length
facet-runtime-max = At most { $time }
facet-rating = Rating
facet-rating-any = Any rating
facet-rating-min = { $rating } or better
facet-people = People
facet-person = Person
facet-title = Title
facet-mood = Mood
facet-country = Country
decade-label = { $decade }s, { $count ->
    [one] { $count } title
   *[other] { $count } titles
}
decade-until = Until { $year }, { $count ->
    [one] { $count } title
   *[other] { $count } titles
}
decade-short = { $decade }s
type-movie = Films
type-tv_show = Series

empty-title = Nothing matches all of this
empty-words = Nothing matches these words
empty-lead = The nearest that works:
empty-without = Without { $what }
empty-only = Only { $what }
empty-any = Everything in the catalogue, most popular first
empty-looking = Looking for what comes nearest …
empty-none = The catalogue has nothing near it either. Fewer words often find more.
what-here = “Offered here ({ $region })”
what-mine = “On my services”
what-rating = a rating of { $rating } or better
what-runtime = a length of at most { $time }
what-years = the years { $years }
what-sort = the order “{ $order }”
what-query = the words “{ $q }”

# Rows: their name, and why they are what they are
row-trending = Searched for these days
row-why-trending = What people searched for by name in the last three days
row-popular = Popular
row-why-popular = The most votes over all sources
row-added = Recently added on { $name }
row-why-added = The newest by the date on which { $name } says it added them
row-genre = Popular in { $genre }
row-why-genre = The most votes of { $count } titles in { $genre }
row-decade = Popular from the { $decade }s
row-why-decade = The most votes of { $count } titles from the { $decade }s
row-director = Directed by { $name }
row-why-director = { $name } directed them; the most votes first

# Why a result is there
why-title = Title matches “{ $words }”
why-director = Directed by { $name }
why-writer = Written by { $name }
why-actor = With { $name }
why-same-director = Directed by { $name }, like “{ $title }”
why-same-cast = Shares cast with “{ $title }”: { $name }
why-same-genre = Same genre as “{ $title }”: { $genres }
why-genre = Genre: { $genre }
why-mood = { $genre } is often { $mood }
why-language = In { $language }
why-country = From { $country }
why-runtime = Runs { $minutes }
why-decade = From the { $decade }s
why-year = From { $year }
why-meaning = Similar in meaning
why-overview = Its description mentions { $words }
why-words = Matches your words
why-nearest = Nearest in meaning
why-shared = Shares people or genres
why-popular = Popular

# Offers in short
offer-stream = { $service }
offer-free = { $service }, free
offer-ads = { $service }, with adverts
offer-rent = Rent { $price }
offer-buy = Buy { $price }
offer-rent-plain = Rent
offer-buy-plain = Buy
offer-more = + { $count }
offer-none = Not offered here
offer-none-anywhere = No known offer
sample = sample
sample-note = Offers marked “sample” were made up for the demo. They are not real.

# Title
title-missing = This title is not in the catalogue
title-missing-lead = It may have been merged with another or taken out. A search often finds it again.
title-search = Search for it
kind-movie = Film
kind-tv_show = Series
rating-line = { $rating } of 10, { $votes ->
    [one] { $votes } vote
   *[other] { $votes } votes
}
original-title = Originally { $title }
offers-title = Where to watch: { $region }
offers-none = We know of no offer here ({ $region }).
offers-elsewhere = Elsewhere
offers-elsewhere-place = { $region } ({ $count })
offers-service = Service
offers-stream = Included
offers-free = Free
offers-rent = Rent
offers-buy = Buy
offers-anywhere = Where to watch
offers-terms = Terms
offers-where = Where
offers-source = Source
offers-checked = Checked
offers-confidence = How sure
offers-yes = yes
quality-sd = SD
quality-hd = HD
quality-uhd = 4K
offers-ads = with adverts
offers-leaves = leaves { $date }
offers-open = Open { $service }
offers-mine = mine
confidence-high = sure
confidence-middle = likely
confidence-low = unsure
confidence-label = { $word }, { $percent }
confidence-sample = generated
people-director = Directed by
people-creator = Created by
people-writer = Written by
people-actor = With
people-all = All { $count }
people-more = and { $count } more
seasons = { $count ->
    [one] { $count } season
   *[other] { $count } seasons
}
seasons-title = Seasons
season-number = Season { $number }
season-specials = Specials
episodes = { $count ->
    [one] { $count } episode
   *[other] { $count } episodes
}
episode-number = Episode { $number }
episodes-none = We know of no episode.
similar-title = Similar titles
facts-title = Facts
fact-countries = Countries
fact-languages = Languages
fact-ratings = Certificates
fact-released = First shown
fact-ids = Known elsewhere as
fact-updated = Record changed
loading = Loading

# Seen last, offline
offline-title = You are offline
offline-lead = What you saw last opens as it was then.
offline-rest = New searches, and offers as they are today, need the network.
offline-titles = Titles
offline-searches = Searches
offline-none = Nothing was seen on this device yet. It works again as soon as there is a network.
offline-bar = Offline. What you see may be old.
offline-bar-at = Offline. What you see was fetched { $ago }.
seen-at = seen { $ago }

# Failures: what happened, what to do
fault-offline = This device is offline.
fault-offline-do = It goes on by itself once the network is back.
fault-down = The server does not answer.
fault-slow = The answer takes too long.
fault-busy = Too many questions at once.
fault-nonsense = The server gave an answer that makes no sense.
fault-refused = The server refuses this question.
fault-gone = There is nothing here.
fault-gone-do = The address may be old or mistyped.
fault-again-in = { $seconds ->
    [one] It is asked again in { $seconds } second.
   *[other] It is asked again in { $seconds } seconds.
}
fault-again = Ask again
fault-trace = Quote { $trace } when you ask for help.
fault-start = Go to the start page
fault-old = What you see is the last good answer.

# Genres
genre-action = Action
genre-adventure = Adventure
genre-animals-nature = Animals and nature
genre-animation = Animation
genre-anime = Anime
genre-anthology = Anthology
genre-arthouse = Arthouse
genre-arts = Arts and culture
genre-biography = Biography
genre-black-stories = Black stories
genre-british = British
genre-buddy = Buddy
genre-classic = Classic
genre-comedy = Comedy
genre-coming-of-age = Coming of age
genre-competition = Competition
genre-cooking = Cooking and food
genre-crime = Crime
genre-cult = Cult
genre-dance = Dance
genre-disaster = Disaster
genre-documentary = Documentary
genre-drama = Drama
genre-erotic = Erotic
genre-faith = Faith and spirituality
genre-family = Family
genre-fantasy = Fantasy
genre-film-noir = Film noir
genre-fitness = Fitness
genre-found-footage = Found footage
genre-history = History
genre-horror = Horror
genre-independent = Independent
genre-international = International
genre-kids = Kids
genre-korean = Korean
genre-latino = Latino
genre-legal = Legal
genre-lgbtq = LGBTQ
genre-lifestyle = Lifestyle
genre-live-action = Live action
genre-martial-arts = Martial arts
genre-medical = Medical
genre-music = Music
genre-musical = Musical
genre-mystery = Mystery
genre-news = News
genre-parody = Parody
genre-performance = Performance
genre-police = Police
genre-political = Political
genre-reality = Reality
genre-romance = Romance
genre-satire = Satire
genre-science = Science and technology
genre-science-fiction = Science fiction
genre-short = Short
genre-silent = Silent
genre-sitcom = Sitcom
genre-sketch = Sketch comedy
genre-slasher = Slasher
genre-soap = Soap opera
genre-spanish-language = Spanish-language
genre-special-interest = Special interest
genre-sports = Sports
genre-spy = Spy
genre-stand-up = Stand-up comedy
genre-superhero = Superhero
genre-supernatural = Supernatural
genre-survival = Survival
genre-talk-show = Talk show
genre-teen = Teen
genre-thriller = Thriller
genre-travel = Travel
genre-variety = Variety
genre-war = War
genre-western = Western

# Moods
mood-relaxing = relaxing
mood-uplifting = uplifting
mood-tense = tense
mood-dark = dark
mood-sad = sad
mood-exciting = exciting
mood-thoughtful = thoughtful
mood-weird = weird
mood-inspiring = inspiring
mood-nostalgic = nostalgic
