import type { TestProject } from 'vitest/node';
import { builtPackage } from '../../services/built-package';
import { offerN8n } from '../../services/n8n-offer';

/** Builds the package, which must be there before any test that takes it, and offers the n8n that all tests of the editor share. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
	await builtPackage();
	return await offerN8n(project);
}
