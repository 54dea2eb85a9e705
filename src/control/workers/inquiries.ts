import type { FromWorker, ListeningSocket, ToWorker } from "../../channel/messages.ts";
import type { Result } from "../../lib/result.ts";
import type { ExplainRequest, Explanation } from "../../model/explanation.ts";
import type { SessionFilter, SessionList, WorkerSession } from "../../model/open-session.ts";
import { Questions } from "./questions.ts";
import { patience, type Seat } from "./seat.ts";

type Answer = Extract<FromWorker, { type: "explanation" | "listed" | "killed" | "described" }>;

/** The questions about connections that workers answer while they serve them. */
export class Inquiries {
  readonly #seats: readonly Seat[];
  readonly #isSilent: (seat: Seat) => boolean;
  readonly #explanations = new Questions<Result<Explanation, string>>();
  readonly #lists = new Questions<SessionList<WorkerSession>>();
  readonly #kills = new Questions<boolean>();
  readonly #sockets = new Questions<readonly ListeningSocket[]>();

  constructor(seats: readonly Seat[], isSilent: (seat: Seat) => boolean) {
    this.#seats = seats;
    this.#isSilent = isSilent;
  }

  /** Asks a worker what would become of a connection. @returns undefined when none answers in time. */
  async explain(request: ExplainRequest): Promise<Result<Explanation, string> | undefined> {
    const seat = this.#seats.find((each) => each.serving && !this.#isSilent(each));
    if (seat === undefined) return undefined;
    return this.#explanations.ask((id) => post(seat, { type: "explain", id, request }), patience);
  }

  /** Asks each worker what it has open. @returns undefined for one that does not answer in time. */
  list(filter: SessionFilter): Promise<readonly (SessionList<WorkerSession> | undefined)[]> {
    return this.#askAll(this.#lists, (id) => ({ type: "list", id, filter }));
  }

  /** Ends the connection of a name. @returns whether a worker has found it. */
  async kill(session: string): Promise<boolean> {
    return (await this.#askAll(this.#kills, (id) => ({ type: "kill", id, session }))).includes(true);
  }

  /** The listening sockets of TCP of all workers. */
  async sockets(): Promise<readonly ListeningSocket[]> {
    const all = await this.#askAll(this.#sockets, (id) => ({ type: "describe", id }));
    return all.flatMap((of) => of ?? []);
  }

  async #askAll<T>(
    questions: Questions<T>,
    message: (id: number) => ToWorker,
  ): Promise<readonly (T | undefined)[]> {
    const answering = (seat: Seat): boolean => seat.thread !== undefined && !this.#isSilent(seat);
    return Promise.all(
      this.#seats.map((seat) =>
        answering(seat) ? questions.ask((id) => post(seat, message(id)), patience) : undefined,
      ),
    );
  }

  /** An answer came, perhaps too late. */
  answered(answer: Answer): void {
    switch (answer.type) {
      case "explanation":
        this.#explanations.answered(answer.id, answer.result);
        break;
      case "listed":
        this.#lists.answered(answer.id, answer.list);
        break;
      case "killed":
        this.#kills.answered(answer.id, answer.found);
        break;
      case "described":
        this.#sockets.answered(answer.id, answer.sockets);
    }
  }
}

const post = ({ thread }: Seat, message: ToWorker): void => thread?.postMessage(message);
