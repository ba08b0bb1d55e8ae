// A backend that lists tools and offers nothing else.
import type { BackendOffers } from '../../src/core/ports.ts';

export const NO_OFFERS: BackendOffers = { tools: true, prompts: false, resources: false, subscribe: false, completions: false, logging: false, tasks: false };
