import type { Locator, Page } from 'playwright-core';
import { Form } from './form';

/** The open dialog of a credential. */
export class CredentialDialog extends Form {
	private constructor(page: Page) {
		super(page, page.getByTestId('credential-edit-dialog'));
	}

	/** Waits until the dialog is there, with its fields. */
	static async opened(page: Page): Promise<CredentialDialog> {
		const dialog = new CredentialDialog(page);
		await dialog.root.getByTestId('credential-connection-parameter').first().waitFor();
		return dialog;
	}

	/** Saves, whereupon n8n tests. */
	async save(): Promise<void> {
		await this.page.getByTestId('credential-save-button').click();
	}

	/** Has n8n test again; the dialog says what came out a moment later. */
	async retry(): Promise<void> {
		await this.root.getByTitle('Retry credential test').filter({ visible: true }).click();
	}

	/** Whether the dialog says that the last test went well. */
	async isGood(): Promise<boolean> {
		return await this.#good().isVisible();
	}

	/** What the dialog says of its first test, with the details, as soon as it does. */
	async answer(): Promise<string> {
		const bad = this.root.locator('.el-tag--danger').filter({ hasText: 'connect', visible: true });
		await this.#good().filter({ visible: true }).or(bad).waitFor();
		if (await this.isGood()) return await this.#good().locator('[class*=_message_]').innerText();
		await bad.getByText('More details').click();
		return await bad.locator('[class*=_details_]').innerText();
	}

	#good(): Locator {
		return this.root.getByTestId('credentials-config-container-test-success');
	}
}
