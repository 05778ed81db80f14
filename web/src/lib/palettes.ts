/** The colours of a poster: a ground, the ink of its title on it, and two or three colours for the motif. */
export interface Palette {
  ground: string;
  ink: string;
  tones: [string, string, string];
}

const palette = (ground: string, ink: string, ...tones: [string, string, string]): Palette => ({ ground, ink, tones });

/** By decade, what its posters looked like: silver, Technicolor, Swiss, earth, neon, slate, teal and orange, flat. */
export const PALETTES: Record<string, Palette[]> = {
  silver: [
    palette('#1d1c1a', '#f3eee2', '#d9d2c0', '#8c8574', '#4a463d'),
    palette('#e9e3d4', '#1b1916', '#2a2722', '#8a8271', '#b9b09b'),
    palette('#262a2b', '#eef0ea', '#b9c2bd', '#6d7a78', '#e2dfd0'),
  ],
  1930: [
    palette('#12302a', '#f2e6c4', '#d9a441', '#2f6b57', '#efe0b5'),
    palette('#f0e4c8', '#16261f', '#a3341f', '#1f5b4b', '#d49a37'),
    palette('#2b1420', '#f5e4d0', '#c98b3a', '#7c2d45', '#eac9a0'),
  ],
  1940: [
    palette('#131416', '#ece7db', '#8f1d1d', '#5d6166', '#d8d2c2'),
    palette('#d8cfba', '#15130f', '#7d1a1a', '#2b2b2d', '#8f8673'),
    palette('#1a2230', '#efe6d2', '#c7b183', '#40536e', '#8e2a22'),
  ],
  1950: [
    palette('#0d4f5c', '#fff3d9', '#ff6f4e', '#f4c04d', '#128192'),
    palette('#f6e7c8', '#1b2b33', '#e2472f', '#17828c', '#f0b23e'),
    palette('#9a1d17', '#fff1dc', '#f7c45a', '#7d120f', '#1a2a3a'),
  ],
  1960: [
    palette('#f2b31b', '#1a1408', '#d8371f', '#1a1408', '#fff0c2'),
    palette('#111111', '#fff4de', '#ff5a1f', '#f6c90e', '#e9e2d0'),
    palette('#f7efe0', '#14181d', '#e63b2e', '#1f5fae', '#f3c623'),
    palette('#5a2a6e', '#ffeed6', '#ff8a3c', '#e8457a', '#ffd166'),
  ],
  1970: [
    palette('#3b2317', '#f8e3c0', '#e07a2c', '#a8481d', '#f0b95c'),
    palette('#efd9b0', '#2f1c10', '#c4501b', '#7a3014', '#e79c3c'),
    palette('#2f3a22', '#f3e7c3', '#d98c2b', '#6e7b3a', '#efcf83'),
    palette('#5b1f1a', '#f9e2c4', '#e99a4b', '#94342a', '#f3c98b'),
  ],
  1980: [
    palette('#140a2e', '#fdf0ff', '#ff2e88', '#22d3ee', '#6d28d9'),
    palette('#04182b', '#eafcff', '#ff6a3d', '#18b7d0', '#f7d04a'),
    palette('#22050f', '#ffeef2', '#ff3b5c', '#7a1fa0', '#ffb03a'),
    palette('#0c1f1c', '#eafff7', '#19e6a4', '#e645a5', '#0e5a52'),
  ],
  1990: [
    palette('#1f2b2a', '#f0efe6', '#b9502f', '#5f7f74', '#d8c08a'),
    palette('#2a1f1b', '#f5ebdd', '#8fae3d', '#a1512d', '#e0c28f'),
    palette('#d9d6c7', '#1c2022', '#32584f', '#a03d25', '#7d8a6d'),
    palette('#101b34', '#eef2fb', '#3f7bd1', '#c9a23a', '#93a9c9'),
  ],
  2000: [
    palette('#0f2233', '#eaf4fb', '#f08a24', '#2d6a9a', '#8fc1e0'),
    palette('#1b1b1f', '#f2f2ee', '#8fd14f', '#3f4450', '#cfd3d6'),
    palette('#e4e8ea', '#14202a', '#d3541a', '#2b6f95', '#93a7b3'),
    palette('#2b0f12', '#faeceb', '#d23a2e', '#6b2a2a', '#e8a86b'),
  ],
  2010: [
    palette('#0b3b3e', '#eafaf4', '#ff8552', '#19808a', '#f6d8a8'),
    palette('#f3dfd8', '#2a1a20', '#d9486a', '#2f6f78', '#f0a58f'),
    palette('#191a2b', '#f3f0ff', '#f25f9c', '#5561d6', '#f7c873'),
    palette('#f2f0e6', '#17231f', '#2f8f6b', '#ee7b4d', '#264653'),
  ],
  2020: [
    palette('#f4f3ef', '#101114', '#2541ff', '#ff4b2b', '#b8b6ae'),
    palette('#0e0f12', '#f6f5f1', '#d6ff3f', '#5a5f6b', '#ff6b4a'),
    palette('#ffd9c7', '#2a1010', '#ef3e36', '#5d2a7b', '#ff9770'),
    palette('#10312a', '#f0fff6', '#5ee2a0', '#f7b538', '#1f6b57'),
  ],
};

/** Those of a year; without one, the newest. */
export function palettesOf(year: number | null | undefined): Palette[] {
  const decade = year ? Math.floor(year / 10) * 10 : 2020;
  return PALETTES[decade < 1930 ? 'silver' : Math.min(decade, 2020)] ?? PALETTES[2020]!;
}
