// What the modules hand to each other, for tsc alone: no page ever gets this file.

/** An array of numbers, plain or typed. */
interface Numbers extends Iterable<number> {
  readonly length: number;
  [k: number]: number;
  map(of: (value: number, k: number) => number): Numbers;
  map<T>(of: (value: number, k: number) => T): Numbers | T[];
  forEach(act: (value: number, k: number) => void): void;
  reduce<T>(of: (sum: T, value: number, k: number) => T, start: T): T;
  some(is: (value: number, k: number) => boolean): boolean;
  keys(): IterableIterator<number>;
  slice(from?: number, to?: number): Numbers;
  indexOf(value: number): number;
}
type Point = [number, number];
type Child = Node | string | null | undefined | Child[];
type Props = Record<string, any>;
type Stoppable = { stop(): void };
/** What of GlChoices a part needs that shows one of them. */
interface Choosing { get(name: string): any; set(change: Props): void }

// --- anywidget ---

interface Model {
  get(name: string): any;
  on(event: string, act: (...told: any[]) => void): void;
  off(event: string, act: (...told: any[]) => void): void;
  send(content: object, callbacks?: unknown, buffers?: unknown[]): void;
  set(name: string, value: any): void;
  save_changes(): void;
  gradlabSaved?: boolean;
}
interface View { model: Model; el: HTMLElement }
interface Shown {
  node: Child;
  hears?: Record<string, (...told: any[]) => void>;
  stops: Stoppable[];
  begin(root: HTMLElement): void;
}

// --- arrays as they cross ---

interface Packed { dtype: string; shape: number[]; bytes: any; scale?: number }
interface Unpacked { shape: number[]; scale: number; values: any }

// --- one picture, and what is drawn over it ---

interface Picture {
  serial: number; name: string; width: number; height: number; rgb: Uint8Array; classes: number; z: Float64Array;
  p: Float64Array; order: number[]; start: any;
}
/** With what stands where a picture is hidden. */
interface Maskable extends Picture { baselines: Record<string, Uint8Array> }
/** With the map L of every class, (classes x cells, flat), h x w cells each. */
interface Maps extends Picture { h: number; w: number; cells: number; L: Float32Array; exact: boolean; layer: string }
type Algebra = Pick<Maps, "z" | "p" | "L" | "classes" | "cells">;
type Cells = { h: number; w: number };
type Size = { width: number; height: number };
type Context = CanvasRenderingContext2D;
interface Look { colours: string; opacity: number; threshold: number; unit?: string; scale?: string; units?: string }
interface Question {
  key: string; title: string; meaning: string; map: Numbers; unit: string; top: number; share: boolean;
}
interface Frame { q: number; text: string; note: string; map: Numbers; top: number; share: boolean }

// --- hands ---

interface Box { left: number; top: number; width: number; height: number; wanted: number }
type Grip = { x: number; y: number; inside?: boolean };
type Place = { x: number; y: number };
interface BoxState { box: Box; size: Size; step: number; painting: boolean; fixed: boolean }
interface BoxActs { box(next: Box): void; paint(at: Place): void; end(): void }
interface LevelActs { start(): void; set(value: number): void; end(): void }
interface CellActs { cursor(cell: number | null): void; toggle(cell: number, wanted?: boolean): void }
interface Option { value: any; text: string; note?: string }

// --- charts ---

interface Scale { (value: number): number; back(pixel: number): number }
interface Chart extends Stoppable { node: HTMLElement; again(): void; draw(label: string): void }
type Marks = any[];

// --- sweeps ---

type Sweep = import("./lib/sweep.js").GlSweep;
interface Facts {
  serial: number; run: number; window: number; stride: number; baseline: string; rows: number; columns: number;
  done: number; total: number;
}

// --- introspection ---

/** One level of noise: z, p, h, the class said, what was seen, and maps by question. */
interface Level {
  z: Numbers; p: Numbers; h: Numbers; said: number; photo: HTMLCanvasElement; rows: number; columns: number;
  map(j: number): Numbers; ones(j: number): Numbers;
}
interface Sparsity { effective: number; held: number; cosine: number; share: number; sure: number }
interface Digit { name: string; truth: number | null; asked: number[]; levels: Level[]; sparsity?: Sparsity[] }
type Line = { values: number[]; kind: string };

// --- calibration and detection ---

interface Arm {
  name: string; said: Numbers; second: Numbers; below: Float64Array; maps: Unpacked | null; classes: number;
  fitted: number; heldOut: boolean; luck: number[];
}
interface Bin {
  low: number; high: number; count: number; confidence: number; right: number; accuracy: number; gap: number;
}
interface Judged {
  T: number; bins: Bin[]; confidence: Numbers; bin: Numbers; nll: number; ece: number; mce: number; accuracy: number;
  sure: number;
}
type Rates = { tpr: number; fpr: number };
type Passing = Rates & { t: number };
interface Roc { points: Passing[]; area: number; at95: Passing; best: Passing }
interface Places { of(score: number): number; back(place: number): number }

// --- the game of buying labels ---

interface Training { steps: number; rate: number; momentum: number; decay: number }
interface Game {
  truth: Int32Array; testTruth: Int32Array; n: number; classes: number; first: number; batch: number; rounds: number;
  orders: Int32Array[]; places: Int32Array; draws: Float64Array; training: Training;
}
interface World {
  name: string; pool: Float64Array; test: Float64Array; plane: Float64Array; d: number; lengths: number[];
}
interface Run {
  order: Numbers; bought: number[]; reached: number[]; p: Float64Array[];
  buy(indices: number[]): void;
}

// --- challenges ---

interface Tile { p: Float64Array; said: number; right: boolean; map: Numbers; top: number }
interface Tiles extends Picture {
  h: number; w: number; tiles: Tile[]; sheet: ImageBitmap; tile: Point; reference: number; known: boolean;
  challenges: string[];
}

// --- information ---

interface Family {
  draw(u: number, z: number, t: number, s: number): number;
  log(x: number, xx: number, t: number, s: number): number;
  score(x: number, xx: number, t: number, s: number): number;
  second(x: number, xx: number, t: number, s: number): number;
  fisher(t: number, s: number): number;
}
interface Shannon {
  x: number[]; y: number[]; HX: number; HY: number; HXY: number; I: number; XgivenY: number; YgivenX: number;
  given: number[];
}
/** A point of the plane: p, gradients and losses of the labels, and the spread of the gradients. */
interface Here {
  x: number; y: number; p: number[]; g: number[][]; J: number[];
  F: { a: number; b: number; d: number; trace: number; long: number; short: number; angle: number };
}
interface Net { p(x: number, y: number): Float64Array; at(x: number, y: number): Here }
interface Plane {
  node: HTMLElement; canvas: HTMLCanvasElement; marks: SVGElement; toPixel(at: number[]): Point; scale: number;
}

// --- the page ---

type Tag<S extends string> = S extends `${infer T}.${string}` ? T : S;
type Made<S extends string> =
  Tag<S> extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Tag<S>] : HTMLElement;
type Drawn<S extends string> =
  Tag<S> extends keyof SVGElementTagNameMap ? SVGElementTagNameMap[Tag<S>] : SVGElement;
