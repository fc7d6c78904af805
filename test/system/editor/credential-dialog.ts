import type { Page } from 'playwright-core';
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

	async retry(): Promise<void> {
		await this.root.getByTitle('Retry credential test').filter({ visible: true }).click();
	}

	/** What the dialog says of the test, with its details, as soon as it does. */
	async answer(): Promise<string> {
		const good = this.root.getByTestId('credentials-config-container-test-success');
		const bad = this.root.locator('.el-tag--danger').filter({ hasText: 'connect', visible: true });
		await good.filter({ visible: true }).or(bad).waitFor();
		if (await good.isVisible()) return await good.locator('[class*=_message_]').innerText();
		await bad.getByText('More details').click();
		const details = bad.locator('[class*=_details_]');
		await details.waitFor();
		return await details.innerText();
	}
}
