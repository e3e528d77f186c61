// The eight acts that each TypeScript client does, and how they are reported: one JSON object, act by act.

export const url = process.env.BOOKS_URL!;
export const expected = Number(process.env.BOOKS_TOTAL);
export const credentials = { email: process.env.BOOKS_EMAIL!, password: process.env.BOOKS_PASSWORD! };

export const book = {
  title: "Persuasion",
  subtitle: "A novel",
  authors: ["Jane Austen"],
  publisher: "John Murray",
  language: "en",
  published_year: 1817,
  rating: 4.35,
  subjects: ["Courtship"],
  description: "Sir Walter Elliot, of Kellynch Hall …",
};
// Both mistakes are beyond what a schema can tell: a check digit, and a name that is there twice once it is trimmed.
export const mistaken = { title: "Emma", authors: ["Jane Austen", "Jane Austen "], isbn: "9780141439519" };
export const pointers = ["#/authors/1", "#/isbn"];

type Problem = { status: number; code: string; errors?: { pointer?: string }[] };
export type Acts = Record<string, () => Promise<void>>;

export function require(condition: unknown, told: unknown): asserts condition {
  if (!condition) throw new Error(JSON.stringify(told));
}

export function refused(status: number, problem: Problem | undefined, wanted: number, code: string): Problem {
  require(status === wanted && problem?.status === wanted && problem.code === code, { status, problem });
  return problem;
}

export function pointed(problem: Problem): void {
  const found = (problem.errors ?? []).map((error) => error.pointer).sort();
  require(JSON.stringify(found) === JSON.stringify(pointers), problem);
}

export function changedOnly(before: object, after: object, ...members: string[]): void {
  const changed = Object.keys(before).filter(
    (name) => JSON.stringify((before as any)[name]) !== JSON.stringify((after as any)[name]),
  );
  require(changed.filter((name) => name !== "updated_at").join() === members.join(), { before, after });
}

// The parameter `cursor` of the address of the next page.
export function cursorOf(next: string | null): string | undefined {
  return next === null ? undefined : new URL(next).searchParams.get("cursor")!;
}

export async function report(acts: Acts): Promise<void> {
  const told: Record<string, string> = {};
  for (const [name, act] of Object.entries(acts)) {
    told[name] = await act().then(() => "yes", (error) => String(error));
  }
  console.log(JSON.stringify(told));
}
