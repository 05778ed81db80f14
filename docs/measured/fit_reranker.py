"""Fits the weights of the re-ranker of long questions (crates/search/src/rank/rerank.rs).

    media-gateway eval search --queries train.jsonl.gz --features features.jsonl
    python3 docs/measured/fit_reranker.py features.jsonl

The model is linear; the weights maximise the likelihood that the answer is the one chosen among a question's candidates
(softmax over candidates, a ridge of 0.003 on the weights of standardised features, damped Newton's method). Only questions whose
answer is among the candidates take part in the fit. Prints the metrics with five-fold cross-validation, questions drawn
into folds with a fixed seed, and then the weights fitted on all questions. Needs numpy.
"""

import json
import sys

import numpy as np

RIDGE = 0.003
FOLDS = 5


def metrics(ranks):
    ranks = np.array(ranks, float)
    within = [float((ranks <= depth).mean()) for depth in (1, 10, 100, 1000)]
    reciprocal = float(np.where(ranks <= 1000, 1 / ranks, 0).mean())
    gain = float(np.where(ranks <= 10, 1 / np.log2(1 + ranks), 0).mean())
    return " ".join(f"{value:.3f}" for value in [*within, reciprocal, gain])


def likelihood(weights, features, answers):
    total = -RIDGE * weights @ weights
    for candidates, answer in zip(features, answers):
        scores = candidates @ weights
        total += (scores[answer] - scores.max() - np.log(np.exp(scores - scores.max()).sum())) / len(answers)
    return total


def fit(features, answers):
    """One list of candidates a question; the place of the answer in each. A step that makes it worse is halved."""
    weights = np.zeros(features[0].shape[1])
    best = likelihood(weights, features, answers)
    for _ in range(60):
        gradient, hessian = -2 * RIDGE * weights, 2 * RIDGE * np.eye(len(weights))
        for candidates, answer in zip(features, answers):
            scores = candidates @ weights
            chosen = np.exp(scores - scores.max())
            chosen /= chosen.sum()
            mean = chosen @ candidates
            gradient += (candidates[answer] - mean) / len(answers)
            spread = candidates - mean
            hessian += (spread.T * chosen) @ spread / len(answers)
        step = np.linalg.solve(hessian, gradient)
        while (reached := likelihood(weights + step, features, answers)) < best and np.abs(step).max() > 1e-6:
            step /= 2
        weights, gain, best = weights + step, reached - best, reached
        if gain < 1e-9:
            break
    return weights


def main():
    lines = open(sys.argv[1])
    names = json.loads(next(lines))
    questions = [json.loads(line) for line in lines]
    drop = [names.index(name) for name in sys.argv[2:]]
    kept = [place for place in range(len(names)) if place not in drop]
    names = [names[place] for place in kept]
    every = np.concatenate([np.array(q["candidates"])[:, kept] for q in questions if q["candidates"]])
    mean, scale = every.mean(0), every.std(0) + 1e-9
    fold = np.random.default_rng(0).integers(0, FOLDS, len(questions))
    usable = [at for at, question in enumerate(questions) if question["answer"] is not None]
    table = {at: (np.array(questions[at]["candidates"])[:, kept] - mean) / scale for at in usable}
    answer = {at: questions[at]["answer"] for at in usable}
    before = [q["answer"] + 1 if q["answer"] is not None else q["rank"] or 10**9 for q in questions]
    print("before ", metrics(before))
    after = list(before)
    for held in range(FOLDS):
        train = [at for at in usable if fold[at] != held]
        weights = fit([table[at] for at in train], [answer[at] for at in train])
        for at in usable:
            if fold[at] == held:
                scores = table[at] @ weights
                after[at] = 1 + int((scores > scores[answer[at]]).sum())
    print("crossed", metrics(after))
    weights = fit([table[at] for at in usable], [answer[at] for at in usable])
    for name, weight, deviation in zip(names, weights, scale):
        print(f"{name:12} {weight / deviation:8.3f}   (standardised {weight:+.2f})")


main()
