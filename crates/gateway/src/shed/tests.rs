//! The limit against a server that is simulated: a few workers, and a queue before them.

use super::*;

const OBJECTIVE: Duration = Duration::from_millis(100);

#[test]
fn priorities_leave_room_for_those_above() {
    let shed = Shed::new(100);
    for (priority, most) in [(Priority::Low, 80), (Priority::Normal, 95), (Priority::High, 100)] {
        assert!(shed.admits(priority, most - 1) && !shed.admits(priority, most), "{priority:?}");
    }
    assert!(shed.admits(Priority::Vital, 1_000_000));
    let one = Shed::new(1);
    assert!(one.admits(Priority::Low, 0) && !one.admits(Priority::High, 1));
}

/// From `start` on serves `arrivals` requests a second for ten seconds with `workers` that take 10 ms each; gives the answers within
/// the objective in the last half, and the limit at the end.
fn simulate(shed: &mut Shed, start: i64, arrivals: i64, workers: usize) -> (usize, usize) {
    const SERVICE: i64 = 10_000;
    let (mut free_at, mut running) = (vec![0_i64; workers], Vec::<(i64, i64)>::new());
    let mut good = 0;
    for n in 0..arrivals * 10 {
        let now = start + n * 1_000_000 / arrivals;
        running.sort_unstable();
        while let Some(&(end, began)) = running.first().filter(|(end, _)| *end <= now) {
            running.remove(0);
            let took = Duration::from_micros((end - began) as u64);
            shed.record(took, OBJECTIVE, running.len() + 1, end);
            good += usize::from(took <= OBJECTIVE && end - start > 5_000_000);
        }
        if shed.admits(Priority::Low, running.len()) {
            let worker = free_at.iter_mut().min().unwrap();
            *worker = (*worker).max(now) + SERVICE;
            running.push((*worker, now));
        }
    }
    (good, shed.limit())
}

#[test]
fn ten_times_the_load_costs_no_goodput() {
    // 400 a second is what four workers do.
    let (peak, _) = simulate(&mut Shed::new(512), 0, 390, 4);
    let (overload, limit) = simulate(&mut Shed::new(512), 0, 4_000, 4);
    assert!(overload * 10 >= peak * 9, "{overload} of {peak} at ten times the load");
    assert!(limit < 80, "{limit}: 40 requests make the last one wait for the objective");
    // With a limit that stands still, nearly everything is late.
    let (fixed, mut free_at, mut in_time) = (Shed::new(512), vec![0_i64; 4], 0);
    for n in 0..40_000_i64 {
        let now = n * 250;
        let queued: i64 = free_at.iter().map(|at| (at - now).max(0) / 10_000).sum();
        if fixed.admits(Priority::Low, queued as usize) {
            let worker = free_at.iter_mut().min().unwrap();
            *worker = (*worker).max(now) + 10_000;
            in_time += usize::from(*worker - now <= 100_000 && now > 5_000_000);
        }
    }
    assert!(in_time * 10 < peak, "{in_time} in time with a fixed limit");
}

#[test]
fn a_limit_that_is_far_too_high_comes_down_in_a_few_windows() {
    // Each takes as long as all those before it: a second with 100 of them, where 60 ms are in time.
    let mut shed = Shed::new(100);
    let (mut now, mut steps) = (0, 0);
    while shed.limit() > 16 {
        let took = Duration::from_millis(10 * shed.limit() as u64);
        let before = shed.limit();
        while shed.limit() == before {
            now += took.as_micros() as i64 / before as i64;
            shed.record(took, OBJECTIVE, before, now);
        }
        steps += 1;
        assert!(shed.limit() < before, "{before} was too high");
    }
    assert!(steps <= 4 && now < 6_000_000, "{steps} steps, {now} µs");
}

#[test]
fn answers_that_are_hardly_late_cost_a_tenth() {
    let mut shed = Shed::new(100);
    let hardly = OBJECTIVE.mul_f64(HEADROOM) + Duration::from_millis(1);
    for n in 0..=20 {
        shed.record(hardly, OBJECTIVE, 79, n * 10_000);
    }
    assert_eq!(shed.limit(), 89);
}

#[test]
fn however_late_an_answer_is_others_are_heard_again_soon() {
    let mut shed = Shed::new(512);
    for n in 0..=20 {
        shed.record(Duration::from_secs(if n == 9 { 120 } else { 0 }), OBJECTIVE, 79, n * 10_000);
    }
    let low = shed.limit();
    assert!(low < 512, "{low}");
    // From two seconds on, which is after ten objectives and a window.
    for n in 0..=40 {
        shed.record(Duration::ZERO, OBJECTIVE, low, 2_000_000 + n * 10_000);
    }
    assert!(shed.limit() > low, "{} after {low}", shed.limit());
}

#[test]
fn the_limit_comes_back() {
    let mut shed = Shed::new(512);
    simulate(&mut shed, 0, 4_000, 4);
    let low = shed.limit();
    simulate(&mut shed, 11_000_000, 16_000, 200);
    assert!(shed.limit() > 2 * low, "{} after {low}", shed.limit());
}

#[test]
fn a_few_late_answers_say_nothing() {
    let mut shed = Shed::new(512);
    for n in 0..10 {
        shed.record(Duration::from_secs(9), OBJECTIVE, 1, n);
    }
    assert_eq!(shed.limit(), 512);
}
