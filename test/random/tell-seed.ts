import { seed } from './seed';

/** Before all tests, once a run. */
export default function tellSeed(): void {
	console.log(`Seed of what the tests draw at random: ${seed} (TEST_SEED=... for another)`);
}
