import type { TestProject } from 'vitest/node';
import { offerN8n } from '../../services/n8n-offer';

/** Offers the n8n that all tests of the editor share. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
	return await offerN8n(project);
}
