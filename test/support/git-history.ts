/** Invents a believable project history as a `git fast-import` stream; everything follows from the seed. */
import { type FileChange, inventChanges, type Tree } from './git-tree.js';
import { Random } from './random.js';

export interface HistoryOptions {
  /** Default 1. */
  seed?: number;
  /** Commits in all, merges included; default 100. */
  commits?: number;
  /** How many of the commits are merges (now and then with three parents); default a twelfth. At most a third. */
  merges?: number;
  /** Branches besides `main`, named `topic/N`; default 3. */
  branches?: number;
  /** Tags, alternating annotated and lightweight; with four or more the last annotated one names another tag. Default 4. */
  tags?: number;
}

interface Branch {
  name: string;
  tip: number;
  tree: Tree;
  /** Commits that main does not have. */
  ahead: number;
}

const EPOCH = 1_600_000_000;

/** Yields the stream in chunks. @throws Error when the options contradict each other */
export function* historyStream(options: HistoryOptions): Generator<Buffer> {
  const { seed = 1, commits = 100, branches = 3, tags = 4 } = options;
  const merges = options.merges ?? (branches > 0 ? Math.floor(commits / 12) : 0);
  if (merges > commits / 3 || (merges > 0 && branches === 0)) throw new Error('too many merges for this history');
  const random = new Random(seed);
  const writer = new StreamWriter();
  const main: Branch = { name: 'main', tip: 0, tree: new Map(), ahead: 0 };
  const sides = Array.from(
    { length: branches },
    (_, i): Branch => ({ ...main, name: `topic/${i + 1}`, tree: new Map() }),
  );
  const history: number[] = [];
  let merged = 0;

  for (let made = 0; made < commits; made += 1) {
    const due = merged < Math.floor(((made + 1) * merges) / commits);
    const ready = sides.filter((side) => side.ahead > 0);
    if (due && ready.length > 0) {
      const others = ready.length > 1 && random.chance(0.1) ? ready.slice(0, 2) : [random.pick(ready)];
      yield* writer.merge(main, others, made);
      merged += 1;
    } else {
      const useSide = made > 0 && sides.length > 0 && (due || random.chance(0.35));
      const branch = useSide ? random.pick(sides) : main;
      if (branch !== main && branch.ahead === 0) {
        branch.tip = main.tip;
        branch.tree = new Map(main.tree);
      }
      yield* writer.commit(branch, inventChanges(branch.tree, random), made, random);
      if (branch !== main) branch.ahead += 1;
    }
    history.push(writer.lastMark);
  }
  for (const side of sides) yield text(`reset refs/heads/${side.name}\nfrom :${side.tip || main.tip}\n\n`);
  yield* writer.tags(tags, history, random);
  yield text('done\n');
}

class StreamWriter {
  lastMark = 0;

  *commit(branch: Branch, changes: FileChange[], index: number, random: Random): Generator<Buffer> {
    const lines: string[] = [];
    for (const change of changes) {
      if (change.kind === 'delete') lines.push(`D ${quote(change.path)}\n`);
      else if (change.kind === 'rename') lines.push(`R ${quote(change.from)} ${quote(change.path)}\n`);
      else {
        this.lastMark += 1;
        change.file.mark = this.lastMark;
        yield text(`blob\nmark :${this.lastMark}\ndata ${change.file.content.length}\n`);
        yield change.file.content;
        yield text('\n');
        lines.push(`M ${change.file.mode} :${this.lastMark} ${quote(change.path)}\n`);
      }
    }
    const subject = `${random.pick(['Add', 'Fix', 'Move', 'Tidy', 'Rework'])} ${random.words(3)}`;
    const message = random.chance(0.3) ? `${subject}\n\n${random.words(25)} – Grüße\n` : `${subject}\n`;
    yield* this.#header(branch, index, message, branch.tip ? [branch.tip] : []);
    yield text(`${lines.join('')}\n`);
  }

  *merge(main: Branch, others: Branch[], index: number): Generator<Buffer> {
    const lines: string[] = [];
    for (const other of others) {
      for (const [path, file] of other.tree) {
        if (main.tree.has(path)) continue;
        main.tree.set(path, file);
        lines.push(`M ${file.mode} :${file.mark} ${quote(path)}\n`);
      }
      other.ahead = 0;
    }
    const message = `Merge ${others.map((other) => other.name).join(', ')}\n`;
    yield* this.#header(main, index, message, [main.tip, ...others.map((other) => other.tip)]);
    yield text(`${lines.join('')}\n`);
  }

  *tags(count: number, history: number[], random: Random): Generator<Buffer> {
    let annotated = 0;
    for (let i = 0; i < count && history.length > 0; i += 1) {
      if (i % 2 === 1) {
        yield text(`reset refs/tags/light-${i}\nfrom :${random.pick(history)}\n\n`);
        continue;
      }
      const target = annotated > 0 && i + 2 >= count ? annotated : random.pick(history);
      this.lastMark += 1;
      annotated = this.lastMark;
      const message = `Release ${i}\n\n${random.words(12)}\n`;
      yield text(`tag v${i}.0\nmark :${annotated}\nfrom :${target}\n`);
      yield text(`tagger Test Agent <agent@example.com> ${EPOCH + i} +0000\n${data(message)}`);
    }
  }

  *#header(branch: Branch, index: number, message: string, parents: number[]): Generator<Buffer> {
    this.lastMark += 1;
    const author = `Agent ${index % 7} <agent${index % 7}@example.com> ${EPOCH + index * 600}`;
    const [first, ...rest] = parents;
    yield text(
      `commit refs/heads/${branch.name}\nmark :${this.lastMark}\nauthor ${author} +0130\n` +
        `committer Test Agent <agent@example.com> ${EPOCH + index * 600 + 30} +0000\n${data(message)}` +
        `${first ? `from :${first}\n` : ''}${rest.map((mark) => `merge :${mark}\n`).join('')}`,
    );
    branch.tip = this.lastMark;
  }
}

function data(message: string): string {
  return `data ${Buffer.byteLength(message)}\n${message}\n`;
}

function quote(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function text(value: string): Buffer {
  return Buffer.from(value);
}
