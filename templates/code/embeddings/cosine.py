# equals: r("cities").cosines[0][1]
paris, london = row(" Paris"), row(" London")
cosine = paris @ london / (paris.norm() * london.norm())
round(cosine.item(), 4)
