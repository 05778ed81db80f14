//! Sources of several files: found beside each other, read together, gone on with, turned away row by row.

use ingest::RunStatus;
use tokio_util::sync::CancellationToken;

use crate::setup::{Setup, gzip, setup};

const BASICS: &str =
    "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres\n";

/// The datasets of IMDb in small: every third row an episode, one an impossible year.
fn imdb(s: &Setup, count: usize) -> String {
    let (mut basics, mut ratings) = (BASICS.to_owned(), "tconst\taverageRating\tnumVotes\n".to_owned());
    let (mut principals, mut names) =
        ("tconst\tordering\tnconst\tcategory\tjob\tcharacters\n".to_owned(), "nconst\tprimaryName\n".to_owned());
    for n in 1..=count {
        let kind = if n % 3 == 0 { "tvEpisode" } else { "movie" };
        let year = if n == 2 { 1492 } else { 1950 + n % 60 };
        basics += &format!("tt{n:07}\t{kind}\tHarbour {n}\tHafen {n}\t0\t{year}\t\\N\t90\tDrama\n");
        ratings += &format!("tt{n:07}\t7.5\t{n}\n");
        principals += &format!("tt{n:07}\t1\tnm{n:07}\tdirector\t\\N\t\\N\n");
        names += &format!("nm{n:07}\tDirector {n}\n");
    }
    s.file("title.ratings.tsv", ratings);
    s.file("title.principals.tsv.gz", gzip(principals));
    s.file("name.basics.tsv.gz", gzip(names));
    s.file("title.basics.tsv.gz", gzip(basics))
}

#[tokio::test]
async fn the_datasets_of_imdb_become_titles() {
    let s = setup().await;
    let run = s.run(&imdb(&s, 30)).await.unwrap();
    let counts = run.counts;
    assert_eq!((counts.rows_read, counts.created, counts.rejected, counts.passed_by), (30, 19, 1, 10));
    assert_eq!(s.rejected(&run)[0].reason, "startYear is 1492, outside 1870 to 2036");
    let titles = s.titles().await;
    let first = titles.iter().find(|title| title.title == "Harbour 1").unwrap();
    assert_eq!((first.original_title.as_deref(), first.runtime_minutes), (Some("Hafen 1"), Some(90)));
    assert_eq!(first.credits[0].name, "Director 1");
    assert_eq!((first.average_rating, first.vote_count), (7.5, 1));
    assert_eq!(first.external_ids[0].id_value, "tt0000001");
    let again = s.run(&run.location).await.unwrap();
    assert_eq!((again.counts.unchanged, again.counts.created), (19, 0), "twice without change");
    assert!(s.incoming().is_empty());
}

#[tokio::test]
async fn a_stopped_run_over_several_files_goes_on() {
    let undisturbed = setup().await;
    let whole = undisturbed.run(&imdb(&undisturbed, 2400)).await.unwrap();
    let s = setup().await;
    let location = imdb(&s, 2400);
    let stop = CancellationToken::new();
    *s.catalog.stop.lock().unwrap() = Some((2, stop.clone()));
    let request = ingest::RunRequest::new(&location);
    let stopped = s.ingest.run(&s.call, &request, &stop, &|_| {}).await.unwrap();
    assert_eq!(stopped.status, RunStatus::Interrupted);
    let rest = s.run(&location).await.unwrap();
    assert_eq!((rest.id, rest.counts), (stopped.id, whole.counts));
    assert_eq!(*s.catalog.batches.lock().unwrap(), *undisturbed.catalog.batches.lock().unwrap());
    assert_eq!(s.export().await, undisturbed.export().await);
}

#[tokio::test]
async fn a_file_that_changed_beside_is_read_again_from_the_start() {
    let s = setup().await;
    let location = imdb(&s, 9);
    let first = s.run(&location).await.unwrap();
    s.file("title.ratings.tsv", "tconst\taverageRating\tnumVotes\ntt0000001\t9.5\t77\n");
    let second = s.run(&location).await.unwrap();
    assert_ne!(second.fingerprint, first.fingerprint);
    assert_eq!((second.counts.updated, second.counts.rows_read), (5, 9));
}

#[tokio::test]
async fn a_file_that_lies_beside_another_is_not_read_alone() {
    let s = setup().await;
    imdb(&s, 3);
    let alone = s.folder.path().join("title.ratings.tsv");
    let error = s.run(alone.to_str().unwrap()).await.unwrap_err();
    assert_eq!((error.code.as_ref(), error.detail.contains("give title.basics")), ("input_companion", true));
}

#[tokio::test]
async fn of_several_files_the_one_at_fault_is_named() {
    let s = setup().await;
    let location = imdb(&s, 3);
    let whole = gzip("nconst\tprimaryName\n");
    let wrong = [
        (whole[..whole.len() - 4].to_vec(), "broken_gzip", "the gzip file is broken or cut short"),
        (gzip("nconst\n"), "wrong_header", "not a file of format name.basics: missing primaryName"),
    ];
    for (bytes, code, told) in wrong {
        let names = s.file("name.basics.tsv.gz", bytes);
        let error = s.run(&location).await.unwrap_err();
        assert_eq!(error.code, code, "{}", error.detail);
        let expected = format!("{names}, which lies beside it: {told}");
        assert!(error.detail.starts_with(&expected), "{}", error.detail);
    }
}

#[tokio::test]
async fn movielens_becomes_titles() {
    let s = setup().await;
    s.file("links.csv.gz", gzip("movieId,imdbId,tmdbId\n1,0114709,862\n2,0113497,\n"));
    s.file("ratings.csv", "userId,movieId,rating,timestamp\n1,1,4.0,1\n2,1,5.0,1\n3,2,9,1\n");
    let movies = "movieId,title,genres\n1,\"Glass Harbour, The (1995)\",Animation|Children\n2,Salt (1996),(no genres listed)\n3,Old (1492),Drama\n";
    let run = s.run(&s.file("movies.csv", movies)).await.unwrap();
    assert_eq!((run.format.unwrap().as_str(), run.counts.created, run.counts.rejected), ("movielens", 2, 2));
    let reasons: Vec<_> = s.rejected(&run).into_iter().map(|reject| (reject.line, reject.reason)).collect();
    assert_eq!(reasons[0], (4, "in ratings: rating is 9, outside 0.5 to 5".to_owned()));
    assert_eq!(reasons[1], (4, "title is 1492, outside 1870 to 2036".to_owned()));
    let titles = s.titles().await;
    let first = titles.iter().find(|title| title.title == "The Glass Harbour").unwrap();
    assert_eq!((first.average_rating, first.vote_count), (9.0, 2));
    let ids: Vec<_> = first.external_ids.iter().map(|id| (id.id_type.as_str(), id.id_value.as_str())).collect();
    assert_eq!(ids, [("imdb", "tt0114709"), ("tmdb_movie", "862")]);
}

#[tokio::test]
async fn other_names_of_imdb_are_shown_by_language() {
    let s = setup().await;
    let akas = "titleId\tordering\ttitle\tregion\tlanguage\ttypes\tattributes\tisOriginalTitle\n\
        tt0000001\t1\tHafen 1\t\\N\t\\N\toriginal\t\\N\t1\n\
        tt0000001\t2\tDer Hafen\tDE\t\\N\timdbDisplay\t\\N\t0\n\
        tt0000001\t3\tDer alte Hafen\tDE\t\\N\timdbDisplay\t\\N\t0\n\
        tt0000001\t4\tArbeitstitel\tCH\tde\tworking\t\\N\t0\n\
        tt0000001\t5\t港\tJP\tja\timdbDisplay\t\\N\t0\n\
        tt0000001\t6\tThe Port\tUS\ten\timdbDisplay\t\\N\t0\n\
        tt0000001\t7\tLe port\tCA\tfr\timdbDisplay\t\\N\t0\n\
        tt0000001\t8\tHavnen\tNO\tnorwegian-of-old\timdbDisplay\t\\N\t0\n";
    s.file("title.akas.tsv", akas);
    let unread = s.run(&imdb(&s, 4)).await.unwrap().unread_languages;
    assert_eq!((unread.count, unread.spellings), (1, vec!["norwegian-of-old".to_owned()]));
    let titles = s.titles().await;
    let first = titles.iter().find(|title| title.title == "Harbour 1").unwrap();
    let told: Vec<_> =
        first.translations.iter().map(|told| format!("{} {}", told.locale.as_str(), told.title)).collect();
    assert_eq!(told, ["de Der Hafen", "en Harbour 1", "fr Le port", "ja 港"]);
}

#[tokio::test]
async fn the_episodes_of_imdb_come_with_their_series() {
    let s = setup().await;
    let row = |id: &str, kind: &str, title: &str, adult: u8, year: &str| {
        format!("{id}\t{kind}\t{title}\t{title}\t{adult}\t{year}\t\\N\t51\tDrama\n")
    };
    let basics = [
        BASICS.to_owned(),
        row("tt0000001", "tvSeries", "Harbour Lights", 0, "2004"),
        row("tt0000002", "tvEpisode", "Low Tide", 0, "2004"),
        row("tt0000003", "tvEpisode", "Pilot", 0, "2004"),
        row("tt0000004", "tvSeries", "Not For Children", 1, "2004"),
        row("tt0000005", "tvEpisode", "Of That", 0, "2004"),
        row("tt0000006", "tvEpisode", "Long Ago", 0, "1492"),
    ];
    let episodes = "tconst\tparentTconst\tseasonNumber\tepisodeNumber\ntt0000002\ttt0000001\t1\t2\n\
        tt0000003\ttt0000001\t1\t1\ntt0000005\ttt0000004\t1\t1\ntt0000006\ttt0000001\t2\t1\n";
    s.file("title.episode.tsv.gz", gzip(episodes));
    let location = s.file("title.basics.tsv.gz", gzip(basics.concat()));
    let run = s.run(&location).await.unwrap();
    let counts = run.counts;
    assert_eq!((counts.rows_read, counts.created, counts.parts, counts.passed_by, counts.rejected), (6, 1, 3, 2, 0));
    let title = s.titles().await.pop().unwrap();
    assert_eq!((title.title.as_str(), title.season_count), ("Harbour Lights", Some(2)));
    let seasons = contracts::CatalogApi::seasons(&*s.catalog, &s.call, title.id).await.unwrap();
    let told: Vec<_> = seasons.iter().map(|season| (season.number, season.air_year, season.episode_count)).collect();
    assert_eq!(told, [(1, Some(2004), Some(2)), (2, None, Some(1))], "no title is of 1492");
    let export = s.export().await;
    assert!(export.concat().find("Pilot") < export.concat().find("Low Tide"), "in the order of the season: {export:?}");
    let again = s.run(&location).await.unwrap();
    assert_eq!((again.counts.unchanged, again.counts.parts), (1, 3), "twice without change");
}

#[tokio::test]
async fn a_loop_of_episodes_and_one_without_a_series_are_turned_away_with_their_lines() {
    let s = setup().await;
    let row = |id: &str, kind: &str, title: &str| format!("{id}\t{kind}\t{title}\t{title}\t0\t2004\t\\N\t51\tDrama\n");
    let basics = [
        BASICS.to_owned(),
        row("tt0000001", "tvSeries", "Harbour Lights"),
        row("tt0000002", "tvEpisode", "Pilot"),
        row("tt0000003", "tvEpisode", "Round"),
        row("tt0000004", "tvEpisode", "And Round"),
        row("tt0000005", "tvEpisode", "Adrift"),
        row("tt0000006", "tvSeries", "Salt"),
        row("tt0000007", "tvEpisode", "Of a Film"),
        row("tt0000008", "movie", "The Film"),
    ];
    let episodes = "tconst\tparentTconst\tseasonNumber\tepisodeNumber\ntt0000002\ttt0000001\t1\t1\n\
        tt0000003\ttt0000004\t1\t1\ntt0000004\ttt0000003\t1\t1\ntt0000005\ttt0000404\t1\t1\n\
        tt0000006\ttt0000001\t1\t2\ntt0000007\ttt0000008\t1\t1\n";
    s.file("title.episode.tsv", episodes);
    let run = s.run(&s.file("title.basics.tsv", basics.concat())).await.unwrap();
    let counts = run.counts;
    assert_eq!((counts.rows_read, counts.created, counts.parts), (9, 3, 1), "the run goes on");
    assert_eq!((counts.rejected, counts.passed_by), (5, 0));
    let reasons: Vec<_> = s.rejected(&run).into_iter().map(|r| format!("{}: {}", r.line, r.reason)).collect();
    let expected = [
        "6: in title.episode: it is a tv_show, and no part of \"tt0000001\": only a season or an episode is part of another",
        "4: \"tt0000003\" is part of \"tt0000004\", which is part of \"tt0000003\": a loop",
        "5: \"tt0000004\" is part of \"tt0000003\", which is part of \"tt0000004\": a loop",
        "6: it is an episode of \"tt0000404\", and no such series was taken in",
        "8: it is an episode of \"tt0000008\", and no such series was taken in",
    ];
    assert_eq!(reasons, expected);
    assert!(s.rejected(&run)[1].raw.starts_with("tt0000003\ttvEpisode\tRound"));
}

#[tokio::test]
async fn the_episodes_of_a_series_that_is_turned_away_are_passed_by() {
    let s = setup().await;
    let row = |id: &str, kind: &str, title: &str, year: &str, length: &str| {
        format!("{id}\t{kind}\t{title}\t{title}\t0\t{year}\t\\N\t{length}\tDrama\n")
    };
    let basics = [
        BASICS.to_owned(),
        row("tt0000001", "tvEpisode", "Before Its Series", "2004", "51"),
        row("tt0000002", "tvSeries", "Of No Such Year", "1492", "51"),
        row("tt0000003", "tvEpisode", "After Its Series", "2004", "51"),
        row("tt0000004", "tvSeries", "\\N", "2004", "51"),
        row("tt0000005", "tvEpisode", "Of No Name", "2004", "51"),
        row("tt0000006", "tvMiniSeries", "Of No Length", "2004", "long"),
        row("tt0000007", "tvEpisode", "Of That", "2004", "51"),
        row("tt0000008", "tvSeries", "Harbour Lights", "\\N", "\\N"),
        row("tt0000009", "tvEpisode", "Low Tide", "2004", "51"),
    ];
    let episodes = "tconst\tparentTconst\tseasonNumber\tepisodeNumber\ntt0000001\ttt0000002\t1\t1\n\
        tt0000003\ttt0000002\t1\t2\ntt0000005\ttt0000004\t1\t1\ntt0000007\ttt0000006\t1\t1\n\
        tt0000009\ttt0000008\t1\t1\n";
    s.file("title.episode.tsv", episodes);
    let run = s.run(&s.file("title.basics.tsv", basics.concat())).await.unwrap();
    let counts = run.counts;
    assert_eq!((counts.rows_read, counts.created, counts.rejected), (9, 1, 3));
    assert_eq!((counts.parts, counts.passed_by), (1, 4), "what is counted as read came with a title");
}
