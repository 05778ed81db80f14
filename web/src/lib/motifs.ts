/** The motifs of posters, one to three a genre: shapes in a box 200 wide and `tall` high, as paths (SVG). */

/** What a motif may vary: how often it repeats, and numbers of its own. */
export interface Brush {
  /** The height of the box. */
  tall: number;
  /** From the length of the title: 3 to 14. */
  count: number;
  /** From -1 to 1: which way it leans. */
  lean: number;
  /** The next number, from 0 to 1. */
  next: () => number;
}

/** A path and which of the palette's tones fills it; `ground` cuts through. */
export interface Layer {
  d: string;
  tone: 0 | 1 | 2 | 'ground';
}

const W = 200;
const r = (n: number) => Math.round(n * 10) / 10;
const rect = (x: number, y: number, w: number, h: number) => `M${r(x)} ${r(y)}h${r(w)}v${r(h)}h${r(-w)}z`;
const disc = (x: number, y: number, radius: number) =>
  `M${r(x - radius)} ${r(y)}a${r(radius)} ${r(radius)} 0 1 0 ${r(2 * radius)} 0a${r(radius)} ${r(radius)} 0 1 0 ${r(-2 * radius)} 0z`;
const poly = (...points: [number, number][]) => `M${points.map(([x, y]) => `${r(x)} ${r(y)}`).join('L')}z`;
/** A ring: the inner disc runs the other way, so that it is a hole. */
const ring = (x: number, y: number, outer: number, inner: number) =>
  `${disc(x, y, outer)}M${r(x - inner)} ${r(y)}a${r(inner)} ${r(inner)} 0 1 1 ${r(2 * inner)} 0a${r(inner)} ${r(inner)} 0 1 1 ${r(-2 * inner)} 0z`;
const many = (count: number, draw: (at: number, part: number) => string) =>
  Array.from({ length: count }, (_, at) => draw(at, at / Math.max(1, count - 1))).join('');
const layer = (tone: Layer['tone'], d: string): Layer => ({ tone, d });

export type Motif = (brush: Brush) => Layer[];

/** Light through blinds, and one lit window. */
const crime: Motif = ({ tall, count, lean, next }) => {
  const step = tall / (count + 1);
  const skew = lean * 34;
  const gap = 60 + next() * 80;
  return [
    layer(1, rect(0, 0, W, tall)),
    layer(0, many(count + 1, (at, part) => {
      const thick = step * (0.3 + 0.5 * part);
      return poly([0, at * step + skew * 0.4], [W, at * step - skew * 0.4], [W, at * step + thick - skew * 0.4], [0, at * step + thick + skew * 0.4]);
    })),
    layer('ground', poly([gap, 0], [gap + 26, 0], [gap + 26 + skew, tall], [gap - 14 + skew, tall])),
    layer(2, disc(gap + 13 + skew * 0.4, tall * 0.4, 9)),
  ];
};

/** Rings that pull to one side. */
const thriller: Motif = ({ tall, count, lean }) => {
  const reach = Math.min(W, tall) * 0.72;
  const at = (part: number): [number, number] => [W / 2 + lean * 46 * part, tall * (0.46 + 0.16 * part)];
  const steps = Math.min(count, 9) + 1;
  return [
    layer(1, rect(0, 0, W, tall)),
    layer(0, many(steps, (index) => {
      const part = index / steps;
      const [x, y] = at(part);
      return ring(x, y, reach * (1 - part), reach * (1 - part - 0.5 / steps));
    })),
    layer(2, disc(...at(1), 6)),
  ];
};

/** Teeth from above and below, and an eye between them. */
const horror: Motif = ({ tall, count, next }) => {
  const teeth = Math.max(5, count);
  const wide = W / teeth;
  const tooth = (base: number, sign: number) => (at: number) =>
    poly([at * wide, base], [(at + 1) * wide, base], [(at + 0.2 + 0.6 * next()) * wide, base + sign * tall * (0.16 + 0.3 * next())]);
  const y = tall * 0.5;
  const [x, open] = [W * (0.35 + 0.3 * next()), 13 + next() * 10];
  return [
    layer(1, rect(0, 0, W, tall)),
    layer(2, `M${r(x - 44)} ${r(y)}Q${r(x)} ${r(y - open * 1.7)} ${r(x + 44)} ${r(y)}Q${r(x)} ${r(y + open * 1.7)} ${r(x - 44)} ${r(y)}z`),
    layer('ground', disc(x, y, open * 0.72)),
    layer(0, many(teeth, tooth(0, 1)) + many(teeth, tooth(tall, -1))),
  ];
};

/** A planet with orbits, and a moon for every quarter of an hour. */
const scienceFiction: Motif = ({ tall, count, lean, next }) => {
  const [x, y] = [W / 2 + lean * 34, tall * 0.52];
  const size = 34 + next() * 18;
  const orbit = (radius: number, thick: number) => {
    const flat = 0.34 + 0.1 * lean;
    const arc = (s: number, sweep: number) =>
      `M${r(x - s)} ${r(y)}a${r(s)} ${r(s * flat)} ${r(lean * 24)} 1 ${sweep} ${r(2 * s)} 0a${r(s)} ${r(s * flat)} ${r(lean * 24)} 1 ${sweep} ${r(-2 * s)} 0z`;
    return arc(radius, 0) + arc(radius - thick, 1);
  };
  return [
    layer(1, many(count * 5, () => disc(next() * W, next() * tall, 0.6 + next() * 1.1))),
    layer(2, many(3, (at) => orbit(size + 26 + at * 22, 2.2))),
    layer(0, disc(x, y, size)),
    layer('ground', disc(x + size * 0.34, y - size * 0.3, size * 0.86)),
    layer(1, disc(x + size * 0.34, y - size * 0.3, size * 0.62)),
    layer(2, many(Math.ceil(count / 3), () => {
      const turn = next() * Math.PI * 2;
      return disc(x + Math.cos(turn) * (size + 48), y + Math.sin(turn) * (size + 48) * 0.42, 3 + next() * 4);
    })),
  ];
};

/** Two that meet. */
const romance: Motif = ({ tall, lean, count }) => {
  const size = Math.min(W, tall) * 0.34;
  const apart = size * (0.35 + count / 28);
  const [x, y, rise] = [W / 2, tall * 0.52, lean * 16];
  const half = apart / 2;
  const cut = Math.sqrt(Math.max(0, size * size - half * half));
  return [
    layer(0, disc(x - half, y - rise * 0, size)),
    layer(1, disc(x + half, y, size)),
    layer(2, `M${r(x)} ${r(y - cut)}A${r(size)} ${r(size)} 0 0 1 ${r(x)} ${r(y + cut)}A${r(size)} ${r(size)} 0 0 1 ${r(x)} ${r(y - cut)}z`),
  ];
};

/** A grid of discs and halves in which one has left its place. */
const comedy: Motif = ({ tall, count, next }) => {
  const across = count > 8 ? 5 : 4;
  const cell = W / across;
  const down = Math.max(2, Math.round(tall / cell));
  const high = tall / down;
  const odd = Math.floor(next() * across * down);
  const parts: [string, string, string] = ['', '', ''];
  for (let at = 0; at < across * down; at++) {
    const [x, y] = [(at % across) * cell + cell / 2, Math.floor(at / across) * high + high / 2];
    const size = Math.min(cell, high) * 0.42;
    const tone = at === odd ? 2 : next() < 0.5 ? 0 : 1;
    const turn = Math.floor(next() * 4) * 90 * (Math.PI / 180);
    const [dx, dy] = [Math.cos(turn) * size, Math.sin(turn) * size];
    parts[tone] += at === odd
      ? disc(x + cell * 0.2, y - high * 0.22, size * 1.15)
      : next() < 0.45
        ? `M${r(x - dx)} ${r(y - dy)}A${r(size)} ${r(size)} 0 0 1 ${r(x + dx)} ${r(y + dy)}z`
        : disc(x, y, size);
  }
  return [layer(0, parts[0]), layer(1, parts[1]), layer(2, parts[2])];
};

/** A room with one source of light. */
const drama: Motif = ({ tall, count, lean, next }) => {
  const floor = tall * (0.56 + 0.16 * next());
  const left = lean < 0 ? 28 + next() * 26 : W - 92 - next() * 26;
  const wide = 34 + next() * 28;
  const top = tall * (0.12 + 0.1 * next());
  const away = lean < 0 ? 96 : -96;
  const bars = 1 + (count % 3);
  return [
    layer(1, rect(0, 0, W, floor)),
    layer('ground', rect(0, floor, W, 2)),
    layer(2, rect(left, top, wide, floor - top)),
    layer(1, many(bars, (at) => rect(left + (wide * (at + 1)) / (bars + 1) - 1.2, top, 2.4, floor - top))),
    layer(0, poly([left, floor + 2], [left + wide, floor + 2], [left + wide + away * 1.25, tall], [left + away, tall])),
    layer('ground', disc(left + wide / 2 + away * 0.36, floor - 4, 6) + rect(left + wide / 2 + away * 0.36 - 5, floor + 1, 10, 26)),
  ];
};

/** A contact sheet. */
const documentary: Motif = ({ tall, count, next }) => {
  const across = count > 7 ? 4 : 3;
  const cell = (W - 12) / across;
  const high = cell * 0.75;
  const down = Math.max(2, Math.floor((tall - 8) / high));
  const picked = Math.floor(next() * across * down);
  const frames: [string, string, string] = ['', '', ''];
  for (let at = 0; at < across * down; at++) {
    const [x, y] = [6 + (at % across) * cell + 3, 6 + Math.floor(at / across) * high + 3];
    const [w, h] = [cell - 6, high - 6];
    const horizon = h * (0.35 + 0.4 * next());
    frames[at === picked ? 2 : 1] += rect(x, y, w, h);
    frames[0] += rect(x, y + horizon, w, h - horizon) + disc(x + w * (0.2 + 0.6 * next()), y + horizon * 0.55, h * 0.13);
  }
  return [layer(1, frames[1]), layer(2, frames[2]), layer(0, frames[0])];
};

/** Ranks that march one way. */
const war: Motif = ({ tall, count, lean }) => {
  const ranks = Math.min(9, Math.max(4, count));
  const step = tall / ranks;
  const tip = W / 2 + lean * 60;
  return [
    layer(1, rect(0, 0, W, tall)),
    layer(0, many(ranks, (at) => {
      const y = at * step;
      return poly([0, y + step * 0.9], [tip, y], [W, y + step * 0.9], [W, y + step * 1.35], [tip, y + step * 0.45], [0, y + step * 1.35]);
    })),
    layer(2, disc(tip, tall * 0.3, 15)),
  ];
};

/** A low sun over mesas. */
const western: Motif = ({ tall, lean, next }) => {
  const floor = tall * 0.74;
  const mesa = (x: number, w: number, h: number) =>
    poly([x, floor], [x + w * 0.12, floor - h], [x + w * 0.42, floor - h], [x + w * 0.46, floor - h * 0.86], [x + w * 0.9, floor - h * 0.86], [x + w, floor]);
  return [
    layer(2, disc(W / 2 + lean * 44, floor - 22, 50)),
    layer(1, mesa(-20 + next() * 40, 110, 52 + next() * 26) + mesa(110 + next() * 40, 96, 30 + next() * 22)),
    layer(0, rect(0, floor, W, tall - floor)),
    layer('ground', many(4, (at) => rect(0, floor + 6 + at * at * 5, W, 1 + at * 0.8))),
  ];
};

/** Bars that follow a song. */
const music: Motif = ({ tall, count, next }) => {
  const bars = 9 + count;
  const wide = W / bars;
  const phase = next() * 6;
  const height = (at: number) => tall * (0.2 + 0.6 * Math.abs(Math.sin(phase + at * 0.7) * Math.cos(at * 0.23 + phase)));
  const bar = (shift: number) => (at: number) => rect(at * wide + 1, tall - height(at) * shift, wide - 2.4, height(at) * shift);
  return [layer(1, many(bars, bar(1.15))), layer(0, many(bars, bar(0.8))), layer(2, many(bars, bar(0.3)))];
};

/** Rounded things, stacked and about to move. */
const animation: Motif = ({ tall, count, next }) => {
  const parts: [string, string, string] = ['', '', ''];
  const things = 5 + (count % 6);
  for (let at = 0; at < things; at++) {
    const size = 22 + next() * 34;
    const [x, y] = [20 + next() * 160, tall - size * 0.7 - (at / things) * (tall - size)];
    const [w, h, k] = [size, size * (0.7 + 0.5 * next()), size * 0.45];
    parts[(at % 3) as 0 | 1 | 2] +=
      `M${r(x - w + k)} ${r(y - h)}h${r(2 * (w - k))}q${r(k)} 0 ${r(k)} ${r(k)}v${r(2 * (h - k))}q0 ${r(k)} ${r(-k)} ${r(k)}h${r(-2 * (w - k))}q${r(-k)} 0 ${r(-k)} ${r(-k)}v${r(-2 * (h - k))}q0 ${r(-k)} ${r(k)} ${r(-k)}z`;
  }
  const eyes = disc(92, tall * 0.42, 5) + disc(112, tall * 0.42, 5);
  return [layer(1, parts[1]), layer(0, parts[0]), layer(2, parts[2]), layer('ground', eyes)];
};

/** Roofs under one bow. */
const family: Motif = ({ tall, count, next }) => {
  const homes = 3 + (count % 3);
  const wide = W / homes;
  const roof = (at: number) => {
    const top = tall * (0.5 + 0.14 * next());
    return poly([at * wide + 3, tall], [at * wide + 3, top + wide * 0.42], [at * wide + wide / 2, top], [(at + 1) * wide - 3, top + wide * 0.42], [(at + 1) * wide - 3, tall]);
  };
  const bow = (size: number, thick: number) =>
    `M${r(W / 2 - size)} ${r(tall * 0.74)}a${size} ${size} 0 0 1 ${2 * size} 0h${-thick}a${size - thick} ${size - thick} 0 0 0 ${-2 * (size - thick)} 0z`;
  return [layer(2, bow(90, 14)), layer(1, bow(72, 14)), layer(0, many(homes, roof)),
    layer('ground', many(homes, (at) => rect(at * wide + wide / 2 - 5, tall - 24, 10, 24)))];
};

/** Peaks, a moon, and more stars than there are. */
const fantasy: Motif = ({ tall, count, lean, next }) => {
  const peaks = (base: number, high: number, steps: number) => {
    const points: [number, number][] = [[0, tall]];
    for (let at = 0; at <= steps; at++) points.push([(at / steps) * W, base - (at % 2 ? high * (0.6 + 0.4 * next()) : 0)]);
    return poly(...points, [W, tall]);
  };
  const star = () => {
    const [x, y, size] = [next() * W, next() * tall * 0.5, 1.5 + next() * 3.5];
    return poly([x - size, y], [x, y - size * 0.25], [x, y - size], [x + size * 0.25, y], [x + size, y], [x + size * 0.2, y + size * 0.25], [x, y + size], [x - size * 0.25, y + size * 0.2]);
  };
  const [x, y] = [W / 2 + lean * 56, tall * 0.3];
  return [
    layer(2, many(count + 6, star)), layer(2, disc(x, y, 26)), layer('ground', disc(x + 11 * Math.sign(lean || 1), y - 6, 22)),
    layer(1, peaks(tall * 0.82, tall * 0.4, 6)), layer(0, peaks(tall * 0.96, tall * 0.3, 8)),
  ];
};

/** A way that winds to a peak. */
const adventure: Motif = ({ tall, lean, next }) => {
  const peak = W / 2 + lean * 50;
  const bend = (wide: number) => {
    const side = lean < 0 ? 1 : -1;
    return `M${r(W / 2 - wide)} ${r(tall)}C${r(W / 2 + side * 120)} ${r(tall * 0.8)} ${r(W / 2 - side * 110)} ${r(tall * 0.66)} ${r(peak)} ${r(tall * 0.36)}C${r(W / 2 - side * 90 + wide)} ${r(tall * 0.66)} ${r(W / 2 + side * 140 + wide)} ${r(tall * 0.8)} ${r(W / 2 + wide)} ${r(tall)}z`;
  };
  const far = tall * (0.3 + 0.1 * next());
  return [
    layer(2, disc(W * (0.2 + 0.6 * next()), tall * 0.2, 18)),
    layer(1, poly([0, tall], [0, far + 40], [W * 0.2, far], [W * 0.42, far + 34], [W * 0.74, far - 6], [W, far + 46], [W, tall])),
    layer(0, poly([-10, tall], [peak - 16, tall * 0.34], [peak, tall * 0.26], [peak + 16, tall * 0.34], [W + 10, tall])),
    layer('ground', bend(13)),
  ];
};

/** Doors within doors. */
const mystery: Motif = ({ tall, count, lean }) => {
  const doors = Math.min(7, Math.max(4, Math.round(count / 1.6)));
  const door = (at: number) => {
    const half = 84 * (1 - at / doors);
    const [x, top] = [W / 2 + lean * 7 * at, tall * 0.06 + at * (tall * 0.085)];
    return `M${r(x - half)} ${r(tall)}V${r(top + half)}a${r(half)} ${r(half)} 0 0 1 ${r(2 * half)} 0V${r(tall)}z`;
  };
  const tones = [1, 0, 'ground'] as const;
  const layers = Array.from({ length: doors }, (_, at) => layer(tones[at % 3]!, door(at)));
  return [...layers, layer(2, door(doors - 0.45))];
};

/** Lines of a thumb. */
const biography: Motif = ({ tall, count, lean }) => {
  const lines = Math.min(11, 5 + Math.round(count / 2));
  const [x, y] = [W / 2 + lean * 18, tall * 0.62];
  const step = Math.min(88, tall * 0.52) / lines;
  const arch = (size: number, thick: number) => {
    const [w, h] = [size, size * 1.22];
    return `M${r(x - w)} ${r(tall)}V${r(y)}C${r(x - w)} ${r(y - h)} ${r(x + w)} ${r(y - h)} ${r(x + w)} ${r(y)}V${r(tall)}H${r(x + w - thick)}V${r(y)}C${r(x + w - thick)} ${r(y - h + thick * 1.3)} ${r(x - w + thick)} ${r(y - h + thick * 1.3)} ${r(x - w + thick)} ${r(y)}V${r(tall)}z`;
  };
  return [
    layer(1, many(lines, (at) => (at % 2 ? '' : arch((lines - at) * step, step * 0.6)))),
    layer(0, many(lines, (at) => (at % 2 ? arch((lines - at) * step, step * 0.6) : ''))),
    layer(2, disc(x, y, step * 0.9)),
  ];
};

/** Columns, one of them broken. */
const history: Motif = ({ tall, count, next }) => {
  const columns = 4 + (count % 3);
  const wide = W / columns;
  const broken = Math.floor(next() * columns);
  const column = (at: number) => {
    const top = at === broken ? tall * (0.45 + 0.2 * next()) : tall * 0.22;
    return rect(at * wide + wide * 0.22, top, wide * 0.56, tall - top);
  };
  return [
    layer(1, rect(0, tall * 0.1, W, tall * 0.12)),
    layer(2, disc(broken * wide + wide / 2, tall * 0.4, wide * 0.3)),
    layer(0, many(columns, column)),
    layer('ground', many(columns, (at) => rect(at * wide + wide * 0.36, tall * 0.66, 2, tall) + rect(at * wide + wide * 0.6, tall * 0.66, 2, tall))),
  ];
};

/** Lanes into a bend. */
const sports: Motif = ({ tall, count, lean }) => {
  const lanes = Math.min(8, Math.max(4, count));
  const [x, y] = lean < 0 ? [0, tall] : [W, tall];
  const step = (W * 0.96) / lanes;
  return [
    layer(1, disc(x, y, W * 0.98)),
    layer(0, many(lanes, (at) => ring(x, y, (lanes - at) * step, (lanes - at) * step - step * 0.72))),
    layer(2, disc(x + (lean < 0 ? 1 : -1) * step * 2.4, y - step * (lanes - 2.6), step * 0.5)),
  ];
};

/** Wedges from one point. */
const action: Motif = ({ tall, count, lean, next }) => {
  const [x, y] = [W / 2 + lean * 50, tall * (0.4 + 0.2 * next())];
  const wedges = 8 + count;
  const turn = (part: number, reach: number): [number, number] => [x + Math.cos(part * Math.PI * 2) * reach, y + Math.sin(part * Math.PI * 2) * reach];
  const burst = (reach: number, share: number, shift: number) =>
    many(wedges, (at) => poly([x, y], turn((at + shift) / wedges, reach), turn((at + shift + share) / wedges, reach)));
  return [layer(1, burst(320, 0.5, 0)), layer(0, burst(70 + next() * 30, 0.42, 0.5)), layer(2, disc(x, y, 17))];
};

/** A sun on a grid that runs to the horizon. */
const horizon: Motif = ({ tall, count, lean }) => {
  const [x, y] = [W / 2 + lean * 40, tall * 0.62];
  const sun = 30 + count * 2.4;
  return [
    layer(0, disc(x, y - sun * 0.25, sun)),
    layer('ground', many(4, (at) => rect(0, y - sun * 0.2 + at * sun * 0.24, W, 1.5 + at * 1.6)) + rect(0, y + 2, W, tall)),
    layer(1, rect(0, y, W, 2.5) + many(6, (at) => rect(0, y + 7 + at * at * 3.2, W, 1.6)) +
      many(11, (at) => poly([x + (at - 5) * 7 - 0.7, y], [x + (at - 5) * 7 + 0.7, y], [x + (at - 5) * 58 + 2, tall], [x + (at - 5) * 58 - 2, tall]))),
    layer(2, disc(x - lean * 90, tall * 0.16, 6)),
  ];
};

/** A signal from a mast. */
const signal: Motif = ({ tall, count, lean }) => {
  const [x, y] = [W / 2 + lean * 58, tall * 0.7];
  const waves = Math.min(9, 4 + Math.round(count / 2));
  const step = 168 / waves;
  return [
    layer(1, many(waves, (at) => (at % 2 ? ring(x, y, (at + 1) * step, (at + 1) * step - step * 0.34) : ''))),
    layer(0, many(waves, (at) => (at % 2 ? '' : ring(x, y, (at + 1) * step, (at + 1) * step - step * 0.34)))),
    layer('ground', poly([x - 60, tall], [x - 22, y + 18], [x + 22, y + 18], [x + 60, tall])),
    layer(2, poly([x - 2, y], [x + 2, y], [x + 12, tall], [x - 12, tall]) + disc(x, y, 8)),
  ];
};

/** Steps, and someone on them. */
const steps: Motif = ({ tall, count, lean, next }) => {
  const high = Math.min(10, Math.max(5, count));
  const [w, h] = [W / high, (tall * 0.8) / high];
  const stair = (shift: number) => (at: number) => rect((lean < 0 ? at : high - 1 - at) * w, tall - (at + 1) * h + shift, w + 0.6, (at + 1) * h);
  const on = 2 + Math.floor(next() * (high - 3));
  const [x, y] = [((lean < 0 ? on : high - 1 - on) + 0.5) * w, tall - (on + 1) * h];
  return [
    layer(2, disc(W * (lean < 0 ? 0.26 : 0.74), tall * 0.24, 27)),
    layer(1, many(high, stair(0))), layer(0, many(high, stair(h * 1.8))),
    layer('ground', disc(x, y - 27, 5.5) + rect(x - 4.5, y - 20, 9, 20)),
  ];
};

/** Two halves that do not quite match. */
const halves: Motif = ({ tall, count, lean, next }) => {
  const size = Math.min(88, tall * 0.4);
  const slip = 10 + count * 2.6;
  const [x, y] = [W / 2 + lean * 8, tall * 0.52];
  const half = (sign: number, shift: number) =>
    `M${r(x + sign * 1.5)} ${r(y - size + shift)}a${r(size)} ${r(size)} 0 0 ${sign > 0 ? 1 : 0} 0 ${r(2 * size)}z`;
  const left = rect(0, 0, x, tall);
  return next() < 0.5
    ? [layer(1, left), layer(0, half(1, -slip)), layer('ground', half(-1, slip)), layer(2, disc(x + size * 0.45, y - slip, size * 0.2))]
    : [layer(0, half(1, -slip)), layer(1, half(-1, slip)), layer(2, disc(x - size * 0.45, y + slip, size * 0.2))];
};

/** Waves of one line, each a little out of step. */
const waves: Motif = ({ tall, count, next }) => {
  const rows = Math.min(9, Math.max(5, count));
  const high = tall / rows;
  const parts: [string, string, string] = ['', '', ''];
  const odd = Math.floor(next() * rows);
  for (let at = 0; at < rows; at++) {
    const [y, bend, long] = [at * high, high * (0.5 + next() * 0.7), 50];
    let d = `M${r(-long * next())} ${r(y + high * 0.5)}`;
    for (let x = 0; x < 6; x++) d += `q${long / 2} ${r(x % 2 ? bend : -bend)} ${long} 0`;
    d += `v${r(high * 0.42)}`;
    for (let x = 5; x >= 0; x--) d += `q${-long / 2} ${r(x % 2 ? bend : -bend)} ${-long} 0`;
    parts[at === odd ? 2 : ((at % 2) as 0 | 1)] += `${d}z`;
  }
  return [layer(0, parts[0]), layer(1, parts[1]), layer(2, parts[2])];
};

/** Petals of one flower. */
const petals: Motif = ({ tall, count, lean }) => {
  const [x, y, long] = [W / 2 + lean * 24, tall * 0.5, Math.min(92, tall * 0.46)];
  const all = Math.min(12, Math.max(5, count));
  const petal = (at: number) => {
    const turn = ((at + lean) / all) * Math.PI * 2;
    const [px, py] = [Math.cos(turn), Math.sin(turn)];
    const side = (sign: number) => `${r(x + px * long * 0.55 - sign * py * long * 0.3)} ${r(y + py * long * 0.55 + sign * px * long * 0.3)}`;
    return `M${r(x)} ${r(y)}Q${side(1)} ${r(x + px * long)} ${r(y + py * long)}Q${side(-1)} ${r(x)} ${r(y)}z`;
  };
  return [layer(1, many(all, (at) => (at % 2 ? petal(at) : ''))), layer(0, many(all, (at) => (at % 2 ? '' : petal(at)))), layer(2, disc(x, y, long * 0.17))];
};

/** Quarter turns (Truchet): for what has no genre. */
const plain: Motif = ({ tall, count, next }) => {
  const cell = W / (count > 8 ? 5 : 4);
  const parts: [string, string, string] = ['', '', ''];
  for (let y = 0; y < tall; y += cell) {
    for (let x = 0; x < W; x += cell) {
      const [cx, cy] = [x + (next() < 0.5 ? 0 : cell), y + (next() < 0.5 ? 0 : cell)];
      const [sx, sy] = [cx === x ? 1 : -1, cy === y ? 1 : -1];
      const sweep = sx * sy > 0 ? 1 : 0;
      parts[Math.floor(next() * 3) as 0 | 1 | 2] += `M${r(cx)} ${r(cy)}h${r(sx * cell)}a${r(cell)} ${r(cell)} 0 0 ${sweep} ${r(-sx * cell)} ${r(sy * cell)}z`;
    }
  }
  return [layer(0, parts[0]), layer(1, parts[1]), layer(2, parts[2])];
};

/** From what says most about a title to what says least. */
export const MOTIFS: [genre: string, motifs: Motif[]][] = [
  ['western', [western]], ['science_fiction', [scienceFiction, horizon, signal]], ['horror', [horror]], ['musical', [music]],
  ['music', [music, waves]], ['war', [war]], ['sports', [sports]], ['animation', [animation]], ['documentary', [documentary]],
  ['fantasy', [fantasy]], ['mystery', [mystery, steps]], ['biography', [biography]], ['history', [history]], ['crime', [crime, steps]],
  ['thriller', [thriller, signal]], ['adventure', [adventure]], ['family', [family]], ['action', [action]],
  ['romance', [romance, petals]], ['comedy', [comedy, waves]], ['drama', [drama, halves, steps]],
];

export { plain };
