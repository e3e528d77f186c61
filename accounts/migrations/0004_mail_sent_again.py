from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_sign_ups_and_audit'),
    ]

    operations = [
        migrations.AlterField(
            model_name='auditrecord',
            name='action',
            field=models.CharField(choices=[('role', 'changed the role'), ('disable', 'disabled'), ('enable', 'enabled'), ('sign_out', 'signed out'), ('resend', 'sent mail again to')], max_length=16, verbose_name='what'),
        ),
    ]
