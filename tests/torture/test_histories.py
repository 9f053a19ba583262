"""Histories of many clients on a service, judged by what they were told."""

from support import Client, serving
from torture.campaign import Campaign
from torture.checking import check
from torture.journal import Journal
from torture.workload import Workload


def test_histories(client: Client, campaign: Campaign) -> None:
    for _ in campaign.rounds():
        journal = Journal()
        with serving(client.app) as url:
            with Workload([url], campaign, journal) as workload:
                workload.goes_on(3000 if campaign.is_long else 300)
            assert check(journal, url) == []
