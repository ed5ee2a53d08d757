"""The calls of a first integration, as the generated classes let one write them, against the stack that BASE_URL names."""

import base64
import datetime
import os
import pathlib
import time
import uuid

from send_fax_mail_client import AuthenticatedClient
from send_fax_mail_client.api.contacts import create_contact, delete_contact, list_contacts
from send_fax_mail_client.api.faxes import get_fax, list_faxes, send_fax
from send_fax_mail_client.api.scheduled import cancel_scheduled_fax, schedule_fax
from send_fax_mail_client.models import CreateContactRequest, Error, InlineDocument, ListFaxesStatus, ScheduleFaxRequest, SendFaxRequest

client = AuthenticatedClient(base_url=os.environ["BASE_URL"], token=os.environ["KEY"])
letter = base64.b64encode(pathlib.Path(os.environ["LETTER"]).read_bytes()).decode()
document = InlineDocument(content=letter, content_type="application/pdf")
request = SendFaxRequest(to="+15005550001", document=document)

key = str(uuid.uuid4())
fax = send_fax.sync(client=client, body=request, idempotency_key=key)
assert send_fax.sync(client=client, body=request, idempotency_key=key).id == fax.id

until = time.monotonic() + 60
while fax.status != "delivered" and time.monotonic() < until:
    time.sleep(0.05)
    fax = get_fax.sync(fax.id, client=client)
assert fax.status == "delivered", fax
faxes = list_faxes.sync(client=client, limit=10, status=ListFaxesStatus.DELIVERED)
assert fax.id in [entry.id for entry in faxes.data], faxes

later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
scheduled = schedule_fax.sync(client=client, body=ScheduleFaxRequest(to="+15005550001", document=document, send_at=later))
assert cancel_scheduled_fax.sync(scheduled.id, client=client).status == "canceled"

refused = send_fax.sync(client=client, body=SendFaxRequest(to="+15005550001", document_url="http://example.com/"))
assert isinstance(refused, Error) and refused.error.param == "document_url", refused

contact = create_contact.sync(client=client, body=CreateContactRequest(name="Paris", fax_number="+33142685300"))
assert contact.fax_number == "+33142685300", contact
assert contact.id in [entry.id for entry in list_contacts.sync(client=client).data]
assert delete_contact.sync(contact.id, client=client).deleted
print("11 calls passed")
