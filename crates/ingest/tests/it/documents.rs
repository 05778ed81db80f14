//! What we use of the providers' documents, and answers of our own making in their shapes.

use serde_json::{Value, json};

use crate::fake::{Asked, Document, Key, Reply};

/// From the OpenAPI document 4.1.0 of Streaming Availability: parameters, which are required, and their values.
pub static STREAMING_AVAILABILITY: Document = Document {
    key: Key::Header("x-api-key"),
    operations: &[
        (
            "GET",
            "/shows/search/filters",
            &[
                "country!",
                "catalogs",
                "output_language=en|es|tr|fr",
                "show_type=movie|series",
                "series_granularity=show|season|episode",
                "order_by=original_title|release_date|rating|popularity_alltime|popularity_1year|popularity_1month|popularity_1week",
                "order_direction=asc|desc",
                "cursor",
            ],
        ),
        (
            "GET",
            "/shows/search/title",
            &[
                "title!",
                "country!",
                "show_type=movie|series",
                "series_granularity=show|season|episode",
                "output_language=en|es|tr|fr",
            ],
        ),
        ("GET", "/shows/{}", &["country", "series_granularity=show|season|episode", "output_language=en|es|tr|fr"]),
    ],
    answer: streaming_availability,
};

fn streaming_availability(asked: &Asked) -> Reply {
    if !asked.param("country").is_none_or(|code| code.len() == 2 && code == code.to_lowercase()) {
        return Reply { status: "400 Bad Request", body: json!({ "message": "no such country" }).to_string() };
    }
    let whole = asked.param("series_granularity").is_none_or(|granularity| granularity == "episode");
    let series = if whole { series_with_episodes } else { series };
    let body = match (asked.path.as_str(), asked.param("cursor")) {
        ("/shows/search/filters", None) => json!({ "shows": [show()], "hasMore": true, "nextCursor": "a&b:2" }),
        ("/shows/search/filters", Some("a&b:2")) => json!({ "shows": [series()], "hasMore": false }),
        ("/shows/search/title", _) => json!([show()]),
        ("/shows/77" | "/shows/tt1234567" | "/shows/movie%2F11", _) => show(),
        ("/shows/88" | "/shows/tv%2F22", _) => series(),
        _ => return Reply::missing(),
    };
    Reply::of(&body)
}

fn option(terms: &str, service: (&str, &str), more: &Value) -> Value {
    let images = json!({ "lightThemeImage": "x", "darkThemeImage": "x", "whiteImage": "x" });
    let mut option = json!({
        "service": { "id": service.0, "name": service.1, "homePage": "https://example.org", "themeColorCode": "#000000",
            "imageSet": images },
        "type": terms, "link": format!("https://example.org/{}/77", service.0), "audios": [], "subtitles": [],
        "expiresSoon": false, "availableSince": 1_700_000_000,
    });
    option.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    option
}

fn show() -> Value {
    let price =
        |amount: &str| json!({ "price": { "amount": amount, "currency": "USD", "formatted": "x" }, "quality": "hd" });
    let addon =
        json!({ "addon": { "id": "hbo", "name": "HBO Max", "homePage": "", "themeColorCode": "", "imageSet": {} } });
    let ends =
        json!({ "expiresOn": 1_767_830_400, "videoLink": "https://example.org/netflix/watch/77", "quality": "uhd" });
    json!({
        "itemType": "show", "showType": "movie", "id": "77", "imdbId": "tt1234567", "tmdbId": "movie/11",
        "title": "The Glass Harbour", "originalTitle": "Le port de verre", "overview": "A pilot waits.",
        "releaseYear": 1999, "genres": [{ "id": "scifi", "name": "Science Fiction" }], "directors": ["Ada Quill"],
        "cast": ["Cy Day"], "rating": 75, "runtime": 101,
        "imageSet": { "verticalPoster": { "w240": "https://example.org/240.jpg", "w480": "https://example.org/480.jpg" } },
        "streamingOptions": {
            "us": [
                option("subscription", ("netflix", "Netflix"), &ends),
                option("rent", ("prime", "Prime Video"), &price("4.99")),
                option("rent", ("prime", "Prime Video"), &price("3.99")),
                option("addon", ("prime", "Prime Video"), &addon),
                option("hologram", ("prime", "Prime Video"), &json!({})),
            ],
            "gb": [option("buy", ("apple", "Apple TV"), &price("9.99"))],
        },
    })
}

fn series() -> Value {
    json!({
        "itemType": "show", "showType": "series", "id": "88", "imdbId": "tt7654321", "tmdbId": "tv/22",
        "title": "Harbour Street", "originalTitle": "Harbour Street", "overview": "", "firstAirYear": 2004,
        "lastAirYear": 2006, "genres": [], "creators": ["Bo Finch"], "cast": [], "rating": 60, "seasonCount": 3,
        "imageSet": {}, "streamingOptions": { "us": [option("free", ("tubi", "Tubi"), &json!({}))] },
    })
}

/// The same with what `series_granularity=episode` brings.
fn series_with_episodes() -> Value {
    let episode = |title: &str, overview: &str| json!({ "itemType": "episode", "title": title, "overview": overview, "airYear": 2004, "streamingOptions": {} });
    let season = |title: &str, year: u16, episodes: &[Value]| {
        json!({ "itemType": "season", "title": title, "firstAirYear": year, "lastAirYear": year,
            "streamingOptions": {}, "episodes": episodes })
    };
    let mut series = series();
    series["seasons"] = json!([
        season("Season 1", 2004, &[episode("Pilot", "A boat."), episode("Episode 2", "")]),
        season("Season 2", 2005, &[episode("Low Tide", ""), episode("Episode 7", "")]),
        season("Season 3", 1492, &[]),
        season("Specials", 2006, &[episode("The Making", "")]),
    ]);
    series
}

/// From the types of Watchmode's own client, 1.0.0.
pub static WATCHMODE: Document = Document {
    key: Key::Query("apiKey"),
    operations: &[
        (
            "GET",
            "/list-titles",
            &[
                "types",
                "regions",
                "source_types",
                "source_ids",
                "genres",
                "sort_by=relevance_desc|relevance_asc|popularity_desc|popularity_asc|release_date_desc|release_date_asc|title_desc|title_asc",
                "page",
                "limit",
            ],
        ),
        (
            "GET",
            "/search",
            &["search_field!=name|imdb_id|tmdb_movie_id|tmdb_tv_id|tmdb_person_id", "search_value!", "types"],
        ),
        ("GET", "/title/{}/details", &["append_to_response", "language", "regions"]),
        ("GET", "/title/{}/sources", &["regions"]),
        ("GET", "/title/{}/seasons", &[]),
        ("GET", "/title/{}/episodes", &[]),
    ],
    answer: watchmode,
};

fn watchmode(asked: &Asked) -> Reply {
    let known = asked.param("append_to_response").unwrap_or_default().split(',');
    let mut known = known.filter(|word| !word.is_empty());
    if !known.all(|word| ["sources", "seasons", "episodes", "cast-crew"].contains(&word)) {
        return Reply::refused("nothing of that kind can be appended".to_owned());
    }
    let body = match asked.path.as_str() {
        "/list-titles" => json!({ "titles": [{ "id": 345 }], "page": 1, "total_results": 1, "total_pages": 1 }),
        "/search" => json!({ "title_results": [{ "id": 345, "name": "The Glass Harbour" }], "people_results": [] }),
        "/title/345/details" | "/title/tt1234567/details" => watchmode_title(),
        "/title/345/sources" | "/title/tt1234567/sources" => watchmode_sources(),
        "/title/678/details" => watchmode_series(),
        "/title/678/seasons" => json!([
            { "id": 1, "name": "Season 1", "number": 1, "air_date": "2004-01-02", "episode_count": 2, "overview": "" },
            { "id": 2, "name": "The Flood", "number": 2, "air_date": "1492-01-01", "episode_count": 1 },
            { "id": 3, "name": "Nameless" },
        ]),
        "/title/678/episodes" => json!([
            { "name": "Low Tide", "season_number": 1, "episode_number": 2, "runtime_minutes": 51, "sources": [] },
            { "name": "Pilot", "season_number": 1, "episode_number": 1, "release_date": "2004-01-02", "overview": "A boat." },
            { "name": "Pilot again", "season_number": 1, "episode_number": 1 },
            { "name": "Of no season", "season_number": 9, "episode_number": 1 },
            { "name": "Numberless", "season_number": 2 },
        ]),
        _ => return Reply::missing(),
    };
    Reply::of(&body)
}

fn watchmode_sources() -> Value {
    let source = |name: &str, terms: &str, region: &str| {
        let paid = name == "AppleTV";
        let link = if paid { "https://example.org/app/345" } else { "Deeplinks available for paid plans only." };
        json!({
            "source_id": 203, "name": name, "type": terms, "region": region, "format": "HD", "price": 3.99,
            "ios_url": link, "web_url": "https://example.org/watch/345",
        })
    };
    json!([
        source("Netflix", "sub", "US"),
        source("AppleTV", "rent", "US"),
        source("HBO", "tve", "US"),
        source("Netflix", "sub", "GB"),
    ])
}

fn watchmode_title() -> Value {
    json!({
        "id": 345, "title": "The Glass Harbour", "original_title": "Le port de verre", "plot_overview": "A pilot waits.",
        "type": "movie", "runtime_minutes": 101, "year": 1999, "release_date": "1999-03-31", "imdb_id": "tt1234567",
        "tmdb_id": 11, "tmdb_type": "movie", "genre_names": ["Science Fiction"], "us_rating": "PG-13",
        "poster": "https://example.org/p.jpg",
        "cast": [
            { "type": "Cast", "full_name": "Cy Day", "role": "Pilot", "order": 1 },
            { "type": "Crew", "full_name": "Ada Quill", "role": "Director", "order": 1 },
        ],
        "sources": watchmode_sources(),
    })
}

fn watchmode_series() -> Value {
    json!({
        "id": 678, "title": "Harbour Street", "type": "tv_series", "year": 2004, "tmdb_id": 22, "tmdb_type": "tv",
        "genre_names": [], "cast": [], "sources": [],
    })
}

/// From YouTube's discovery document, v3.
pub static YOUTUBE: Document = Document {
    key: Key::Query("key"),
    operations: &[
        (
            "GET",
            "/youtube/v3/search",
            &[
                "part!",
                "channelId",
                "maxResults",
                "pageToken",
                "q",
                "regionCode",
                "type",
                "videoDuration=videoDurationUnspecified|any|short|medium|long",
            ],
        ),
        ("GET", "/youtube/v3/videos", &["part!", "id", "hl", "maxResults", "pageToken", "regionCode"]),
        ("GET", "/youtube/v3/playlistItems", &["part!", "playlistId", "id", "maxResults", "pageToken", "videoId"]),
    ],
    answer: youtube,
};

/// The channel whose films the tests ask for.
pub const CHANNEL: &str = "UC0123456789abcdefghij_-";

/// What may be asked of what each path lists, of which only what is asked for is answered.
const PARTS: [(&str, &[&str]); 3] = [
    ("/youtube/v3/search", &["snippet"]),
    ("/youtube/v3/videos", &["id", "snippet", "contentDetails", "status"]),
    ("/youtube/v3/playlistItems", &["id", "snippet", "contentDetails", "status"]),
];

fn youtube(asked: &Asked) -> Reply {
    let parts: Vec<&str> = asked.param("part").unwrap_or_default().split(',').collect();
    let known = PARTS.iter().find(|known| known.0 == asked.path).map(|known| known.1).unwrap_or_default();
    if let Some(strange) = parts.iter().find(|part| !known.contains(part)) {
        return Reply::refused(format!("{} has no part {strange}", asked.path));
    }
    let paged = ["maxResults", "pageToken"].iter().any(|name| asked.param(name).is_some());
    if asked.path == "/youtube/v3/videos" && (asked.param("id").is_none() || paged) {
        return Reply::refused("videos are named by their ids, and then no page of them".to_owned());
    }
    if asked.param("maxResults").is_some_and(|most| most.parse::<u32>().is_ok_and(|most| most > 50)) {
        return Reply::refused("maxResults is 50 at most".to_owned());
    }
    let of = |whole: Value| {
        let fields = whole.as_object().unwrap().clone().into_iter();
        let told = fields.filter(|(name, _)| ["kind", "id"].contains(&name.as_str()) || parts.contains(&name.as_str()));
        Value::Object(told.collect())
    };
    let listed = |id: &str| of(json!({ "contentDetails": { "videoId": id }, "snippet": { "title": "x" } }));
    let video = |title: &str, duration: &str| of(video(title, duration));
    let page = asked.param("pageToken");
    let body = match (asked.path.as_str(), asked.param("playlistId").or(asked.param("id")), page) {
        ("/youtube/v3/playlistItems", Some("UU0123456789abcdefghij_-"), None) => {
            json!({ "items": [listed("film0000001"), listed("short000001")], "nextPageToken": "next" })
        }
        ("/youtube/v3/playlistItems", _, Some("next")) => json!({ "items": [listed("noyear00001")] }),
        ("/youtube/v3/videos", Some("film0000001"), _) => {
            json!({ "items": [video("The Glass Harbour (1999) | Full Movie", "PT1H41M3S")] })
        }
        ("/youtube/v3/videos", Some("short000001"), _) => json!({ "items": [video("Trailer (1999)", "PT2M")] }),
        ("/youtube/v3/videos", Some("noyear00001"), _) => json!({ "items": [video("Some Film", "PT2H")] }),
        ("/youtube/v3/videos", _, _) => json!({ "items": [] }),
        ("/youtube/v3/search", _, _) => {
            json!({ "items": [{ "id": { "kind": "youtube#video", "videoId": "film0000001" } }] })
        }
        _ => return Reply::missing(),
    };
    Reply::of(&body)
}

fn video(title: &str, duration: &str) -> Value {
    json!({
        "kind": "youtube#video", "id": "x",
        "snippet": {
            "title": title, "description": "A pilot waits.", "channelId": CHANNEL, "defaultLanguage": "en",
            "thumbnails": { "high": { "url": "https://example.org/hq.jpg", "width": 480, "height": 360 } },
        },
        "contentDetails": { "duration": duration, "regionRestriction": { "blocked": ["DE"] } },
        "status": { "privacyStatus": "public", "uploadStatus": "processed" },
    })
}

/// From the queries of a published client of JustWatch: operations, their variables and the fields they ask for.
pub static JUSTWATCH: Document =
    Document { key: Key::Bearer, operations: &[("POST", "/graphql", &[])], answer: justwatch };

const OPERATIONS: &[(&str, &[&str])] = &[
    (
        "GetPopularTitles",
        &[
            "popularTitlesFilter",
            "country",
            "language",
            "first",
            "formatPoster",
            "formatOfferIcon",
            "profile",
            "backdropProfile",
            "filter",
            "offset",
        ],
    ),
    (
        "GetTitleNode",
        &["nodeId", "country", "language", "formatPoster", "formatOfferIcon", "profile", "backdropProfile", "filter"],
    ),
];
/// Every word of its queries that is no variable: keywords, types, arguments, fields.
const WORDS: &[&str] = &[
    "Show",
    "totalSeasonCount",
    "query",
    "fragment",
    "on",
    "TitleFilter",
    "Country",
    "Language",
    "Int",
    "ImageFormat",
    "PosterProfile",
    "BackdropProfile",
    "OfferFilter",
    "ID",
    "popularTitles",
    "country",
    "filter",
    "first",
    "sortBy",
    "POPULAR",
    "sortRandomSeed",
    "offset",
    "edges",
    "node",
    "id",
    "TitleDetails",
    "objectId",
    "objectType",
    "content",
    "language",
    "offers",
    "platform",
    "WEB",
    "MovieOrShowOrSeasonOrEpisode",
    "MovieOrShowOrSeasonContent",
    "MovieOrShowContent",
    "title",
    "originalReleaseYear",
    "originalReleaseDate",
    "runtime",
    "shortDescription",
    "ageCertification",
    "fullPath",
    "genres",
    "shortName",
    "externalIds",
    "imdbId",
    "tmdbId",
    "posterUrl",
    "profile",
    "format",
    "scoring",
    "imdbScore",
    "imdbVotes",
    "monetizationType",
    "presentationType",
    "retailPriceValue",
    "currency",
    "standardWebURL",
    "availableTo",
    "package",
    "clearName",
    "technicalName",
    "packageId",
    "slug",
    "__typename",
];

fn justwatch(asked: &Asked) -> Reply {
    let operation = asked.body["operationName"].as_str().unwrap_or_default();
    let Some((_, known)) = OPERATIONS.iter().find(|known| known.0 == operation) else {
        return Reply::refused(format!("no operation {operation}"));
    };
    let variables = asked.body["variables"].as_object().unwrap();
    if let Some(strange) = variables.keys().find(|name| !known.contains(&name.as_str())) {
        return Reply::refused(format!("no variable {strange}"));
    }
    let query = asked.body["query"].as_str().unwrap();
    let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '$' && c != '_');
    let mut words = words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'));
    if let Some(strange) = words.find(|word| !WORDS.contains(word) && *word != operation) {
        return Reply::refused(format!("no field {strange}"));
    }
    let body = match (operation, variables.get("offset").and_then(Value::as_u64), variables.get("nodeId")) {
        ("GetPopularTitles", Some(0), _) => json!({ "data": { "popularTitles": { "edges": [{ "node": node() }] } } }),
        ("GetPopularTitles", ..) => json!({ "data": { "popularTitles": { "edges": [] } } }),
        (_, _, Some(id)) if id == "tm77" => json!({ "data": { "node": node() } }),
        _ => json!({ "errors": [{ "message": "no such node", "code": "NOT_FOUND" }], "data": { "node": null } }),
    };
    Reply::of(&body)
}

fn node() -> Value {
    let offer = |terms: &str, name: &str, price: Value| {
        json!({
            "monetizationType": terms, "retailPriceValue": price, "currency": "USD", "availableTo": null,
            "standardWebURL": "https://example.org/watch/77", "package": { "clearName": name, "technicalName": "x" },
        })
    };
    json!({
        "id": "tm77", "objectType": "MOVIE",
        "content": {
            "title": "The Glass Harbour", "originalReleaseYear": 1999, "originalReleaseDate": "1999-03-31",
            "runtime": 101, "shortDescription": "A pilot waits.", "genres": [{ "shortName": "scf" }],
            "externalIds": { "imdbId": "tt1234567", "tmdbId": "11" }, "posterUrl": "/poster/1/s718/x.jpg",
            "scoring": { "imdbScore": 7.5, "imdbVotes": 120.0 }, "ageCertification": "PG-13",
        },
        "offers": [offer("FLATRATE", "Netflix", Value::Null), offer("RENT", "Amazon Video", json!(3.99))],
    })
}

/// Gracenote: NOT from a document, of which we have none. It shows that the adapter does what we think it does.
pub static GRACENOTE: Document = Document {
    key: Key::Query("api_key"),
    operations: &[
        ("GET", "/v1.1/programs/search", &["q!", "queryFields", "entityType"]),
        ("GET", "/v1.1/programs/{}", &[]),
    ],
    answer: gracenote,
};

fn gracenote(asked: &Asked) -> Reply {
    let film = json!({
        "tmsId": "MV000000010000", "rootId": "1", "entityType": "Movie", "title": "The Glass Harbour",
        "releaseYear": 1999, "releaseDate": "1999-03-31", "longDescription": "A pilot waits.", "runTime": "PT01H41M",
        "genres": ["Science fiction"], "directors": ["Ada Quill"], "topCast": ["Cy Day"],
    });
    match asked.path.as_str() {
        "/v1.1/programs/search" => Reply::of(&json!({ "hitCount": 1, "hits": [{ "program": film }] })),
        "/v1.1/programs/MV000000010000" => Reply::of(&film),
        _ => Reply::missing(),
    }
}
