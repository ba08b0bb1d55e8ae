// The one place where a surface calls the pipeline. A throw is an error answer, never a broken connection.
import type { AgentIo, Answer, Inbound, Ingress } from '../../core/inbound.ts';
import { CODE, errorMessage } from '../../relay/rpc.ts';

export async function answerOf(ingress: Ingress, inbound: Inbound, io: AgentIo): Promise<Answer> {
  try {
    const answer = await ingress.handle(inbound, io);
    // After the agent cancelled nothing more is said about that id (S22, T60), however the race with the result ended.
    return cancelledByAgent(io.signal) ? { message: undefined, status: answer.status } : answer;
  } catch {
    // What went wrong may hold secrets (K16 of the SDKs: thrown messages on the wire); the pipeline has recorded it.
    return { message: errorMessage(inbound.id, CODE.internal, 'Internal error'), status: 500 };
  }
}

function cancelledByAgent(signal: AbortSignal): boolean {
  return signal.aborted && signal.reason === 'agent';
}
